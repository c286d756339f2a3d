"""Asking an LLM behind an OpenAI-compatible endpoint, and keeping what it said."""
