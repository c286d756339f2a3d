"""The columns that records are laid out in for Parquet."""

from __future__ import annotations

from collections.abc import Sequence

from runner.errors import UsageError


def check_distinct(columns: Sequence[tuple[str, str]]) -> None:
    """Raise :class:`~runner.errors.UsageError` where two columns would have one name, as odd names of targets make."""
    names = [name for name, _ in columns]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(
                f"two columns would be called {name!r}, by the names of targets and classes",
                where="--output-format",
                hint="--output-format jsonl",
            )
