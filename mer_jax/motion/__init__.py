"""Motion: what moved where between two frames, and pictures made of it."""
