"""The expressions that a copy has: the rows of its annotation, or its folders, as keys, marks and labels."""
