"""Conversations, the templates that make texts of them, and the way back. Loads no tokenizer by itself."""
