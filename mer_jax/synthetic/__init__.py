"""SynthME: faces with known facial movements, rendered by pure functions key -> clip."""
