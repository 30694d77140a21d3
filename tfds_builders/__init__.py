"""TFDS builders, one package a database. They may import mer_jax up to its floor `synthetic`."""
