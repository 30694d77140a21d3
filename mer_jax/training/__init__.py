"""A training run as a pure function, and the drivers that train many runs at once. Read `train_step` first."""
