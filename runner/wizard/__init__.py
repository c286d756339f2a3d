"""A conversation at a terminal that ends in a spec: it looks at the data first, and starts nothing itself."""
