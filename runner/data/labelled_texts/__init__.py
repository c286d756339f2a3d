"""Texts with what is to be told of them: a class, several labels, or numbers."""
