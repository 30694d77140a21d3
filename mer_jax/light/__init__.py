"""Low light: what a camera makes of little light, and what can be done about it."""
