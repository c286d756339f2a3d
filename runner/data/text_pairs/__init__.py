"""The layout ``text_pairs``: two texts that belong together, with a score, a class, or texts that do not."""
