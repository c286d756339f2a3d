"""Kinds that train a language model: on texts, on conversations, on preferences between answers."""
