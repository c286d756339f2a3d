"""A router as an endpoint: each request goes to the LLM that a stored router chooses for it."""
