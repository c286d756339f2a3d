"""Kinds that learn from pictures."""
