"""Texts to be answered, in their order: words on the command line, lines of text, a file of any container, a pipe.

A pipe is JSON Lines, JSON, Parquet or CSV by how it begins, as of a table; it is lines of text where that is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runner.data.table_rows import infer_rows as tables
from runner.data.table_rows.infer_rows import TableRow, TableRows, Written
from runner.errors import DataError, NotFoundError, UsageError

NOTHING, WHERE = "no texts", "--input"
HOW = (
    "--input FILE (.csv, .tsv, .jsonl, .json, .parquet, .arrow, or .txt with a text a line), or pipe in JSON Lines, "
    "CSV, or lines: cat FILE | ... --prompts-format text"
)
#: The field of an object that a text alone stands for, in a server's rows.
TEXT_FIELD = "text"
#: The format, and the ending, of a text a line.
LINES, SUFFIXES = "text", (".txt", ".text")


def from_words(
    words: Sequence[str], text_columns: Any = None, id_column: str | None = None, **written: Any
) -> TableRows:
    """Each word is a text. Raises :class:`UsageError` for none, and where a row has several text columns."""
    _need_one(text_columns, "--prompts")
    if not words:
        raise UsageError(NOTHING, where="--prompts", hint=HOW)
    return _texts("the command line", list(enumerate(words, 1)), "text ")


def from_file(
    path: Path, format: str | None = None, text_columns: Any = None, id_column: str | None = None, **written: Any
) -> TableRows:
    """A file, by its suffix unless the format is said. Raises :class:`NotFoundError` for one that is not there."""
    if not (format == LINES or (format is None and path.suffix.lower() in SUFFIXES)):
        return tables.from_file(path, format, id_column=id_column, **written)
    if not path.exists():
        raise NotFoundError("there is no such file", where=str(path))
    with path.open("rb") as file:
        return from_pipe(file, LINES, text_columns, id_column, str(path), **written)


def from_pipe(
    stream: Any,
    format: str | None = None,
    text_columns: Any = None,
    id_column: str | None = None,
    name: str = "standard input",
    **written: Any,
) -> TableRows:
    """What is piped in. Lines of text are UTF-8 unless ``written`` says otherwise; blank ones are passed over.

    Raises :class:`DataError` for bytes that are no text, and :class:`UsageError` where a row has several text columns.
    """
    if format != LINES:
        return tables.from_pipe(stream, format, name, id_column=id_column, **written)
    _need_one(text_columns, name)
    how = Written(**written)
    encoding = (how.encoding if "encoding" in how.said else None) or "utf-8"
    try:
        lines = stream.read().decode(encoding).removeprefix("\ufeff").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(
            f"it is not {encoding}: {error.reason}", where=name, hint="--encoding says what it is"
        ) from None
    return _texts(name, [(at, line) for at, line in enumerate(lines, 1) if line.strip()], f"{name}:")


def _texts(name: str, texts: Sequence[tuple[int, str]], place: str) -> TableRows:
    return TableRows(name, [TableRow({"text": text}, None, at, False, f"{place}{at}") for at, text in texts])


def _need_one(text_columns: Any, where: str) -> None:
    if isinstance(text_columns, list) and len(text_columns) > 1:
        raise UsageError(
            f"the model reads {len(text_columns)} texts a row",
            where=where,
            hint=f"give a file with the columns {', '.join(text_columns)}: {HOW}",
        )
