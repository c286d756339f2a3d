"""The fields of specs that train on pictures: imports nothing heavy."""
