"""Annotation tables as people have them: sheets of text, columns by meaning, and what was wrong and was done about it."""
