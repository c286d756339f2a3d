"""Rows of any container, with the place of each: text with a header, JSON, Parquet, Arrow, one file or many shards."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runner.data.records.row_reader import Batch, Records, open_records

__all__ = ["Batch", "Records", "open_records"]


def __getattr__(name: str) -> Any:
    """The reader, loaded with its first use: checking a spec looks at a file's name alone."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from runner.data.records import row_reader

    return getattr(row_reader, name)
