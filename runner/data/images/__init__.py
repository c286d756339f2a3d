"""The layout ``images``: pictures with a class or a number each, in folders, in a table's rows, or in a zip archive."""
