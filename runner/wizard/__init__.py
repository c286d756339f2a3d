"""A conversation at a terminal that ends in a spec: it looks at the data, asks from the schemas, and starts nothing."""
