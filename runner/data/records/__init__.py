"""Rows of any container, with the place of each: text with a header, JSON, Parquet, Arrow, one file or many shards."""

from runner.data.records.batches import Batch, Records, open_records

__all__ = ["Batch", "Records", "open_records"]
