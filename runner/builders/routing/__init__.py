"""The kinds that learn from comparisons of LLMs: which of them answers a prompt best, how long it will answer."""
