"""The layout ``source_targets``: a text a row, and the text or texts that it is to become."""
