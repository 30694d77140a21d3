"""The vocabulary that the papers share: parts that more than one network is built from."""
