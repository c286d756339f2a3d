"""Rows as tokens with weights, and the batches that are made of them."""
