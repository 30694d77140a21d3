"""Clips, the ways to read them, and the folds that protocols make of them."""
