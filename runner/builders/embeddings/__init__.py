"""The kinds that learn how alike texts are: encoders with a vector for every text, and readers of two texts together."""
