"""Texts to be answered, in their order: words on the command line, a file of any container, or a pipe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runner.data.table_rows import infer_rows as tables
from runner.data.table_rows.infer_rows import TableRow, TableRows
from runner.errors import UsageError

HOW = "--input FILE (.csv, .tsv, .jsonl, .json, .parquet, .arrow), or pipe in JSON Lines or CSV: cat FILE | ..."


def from_words(
    words: Sequence[str], text_columns: Any = None, id_column: str | None = None, **written: Any
) -> TableRows:
    """Each word is a text. Raises :class:`UsageError` for none, and where a row has several text columns."""
    if isinstance(text_columns, list) and len(text_columns) > 1:
        raise UsageError(
            f"the model reads {len(text_columns)} texts a row",
            where="--prompts",
            hint=f"give a file with the columns {', '.join(text_columns)}: {HOW}",
        )
    if not words:
        raise UsageError("no texts", where="--prompts", hint=HOW)
    rows = [TableRow({"text": word}, None, at, False, f"text {at}") for at, word in enumerate(words, 1)]
    return TableRows("the command line", rows)


def from_file(
    path: Path, format: str | None = None, text_columns: Any = None, id_column: str | None = None, **written: Any
) -> TableRows:
    """A file, by its suffix unless the format is said."""
    return tables.from_file(path, format, id_column, **written)


def from_pipe(
    stream: Any,
    format: str | None = None,
    text_columns: Any = None,
    id_column: str | None = None,
    name: str = "standard input",
    **written: Any,
) -> TableRows:
    """What is piped in."""
    return tables.from_pipe(stream, format, id_column, name, **written)
