"""A conversation at a terminal that ends in a spec: it looks at the data first, asks from the schemas, and starts nothing itself."""
