"""Texts, conversations and preferences: what the layouts of language models share, from a file's rows to their own."""
