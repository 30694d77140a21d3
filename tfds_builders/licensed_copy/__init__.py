"""A researcher's own copy of a database: what lies where, whatever the depth, and the frames of one clip."""
