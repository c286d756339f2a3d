"""The kinds that learn how alike texts are: by a vector for every text, or by reading two texts together."""
