"""Batches: data sets, styles and experiments as ordinary pipelines, run in order or side by side, in one table."""
