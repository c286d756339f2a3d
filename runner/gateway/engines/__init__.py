"""Engines of others, vLLM and SGLang, as children of the server: found, started, asked, watched and ended."""
