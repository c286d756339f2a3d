"""Stored models behind HTTP, as the clients of OpenAI's API ask for them."""
