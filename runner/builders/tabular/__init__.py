"""Kinds that learn a column of a table from its other columns."""
