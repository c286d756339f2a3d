"""Stored language models that answer: texts that go on from prompts, and scores."""
