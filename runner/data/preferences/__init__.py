"""The layout ``preferences``: two answers to one prompt, of which one is better."""
