"""A new LLM joins a stored router from a few dozen scored prompts: the router is not trained again."""
