"""Files in CoNLL's form: a token a line with its columns, and a blank line after each sentence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from runner.contract.quantities import counted
from runner.data.dialogues.row_faults import RowFault
from runner.data.records.byte_streams import bad_byte, opened
from runner.errors import DataError

DOCUMENT_MARK = "-DOCSTART-"
#: Lines between the tokens that say something of the sentence: ``# sent_id = 3``, ``# id 5ab``.
_COMMENT = re.compile(r"#\s*(\S+\s*=|newdoc|newpar|global\.columns)|#\s+id\s")
#: What parts the columns of a line without a tab. Another blank, such as that within a number, is a token's own.
_BLANKS = re.compile(" +")
_TAGGED = re.compile(r"(O|[BIMELSUW]-\S+)\s*")
#: A sentence's columns, each the cells of all its tokens. They are called "1", "2", ...
Columns = Mapping[str, list[str]]


def blocks(file: Path, encoding: str | None, passed_over: Counter[str]) -> Iterator[tuple[int, Columns | RowFault]]:
    """The sentences: the number of the first line of each, with its columns or with why it has none.

    Lines that are no tokens are counted in ``passed_over``, by what they are. Raises
    :class:`~runner.errors.DataError` for what cannot be read.
    """
    block: list[list[str]] = []
    begun = 0
    for number, text in _lines(file, encoding):
        if not text.strip():
            if block:
                yield begun, _columns(block)
                block = []
        elif text.startswith(DOCUMENT_MARK):
            passed_over["document_marks"] += 1
        elif _COMMENT.match(text):
            passed_over["comments"] += 1
        else:
            begun = begun if block else number
            block.append(text.split("\t") if "\t" in text else _BLANKS.split(text.strip(" ")))
    if block:
        yield begun, _columns(block)


def need_tags(cells: Columns | RowFault) -> Columns | RowFault:
    """The columns as they are, or the fault of a sentence whose tokens stand alone."""
    if isinstance(cells, RowFault) or len(cells) > 1:
        return cells
    return RowFault("tokens_without_tags", f"beside the token {cells['1'][0]!r} stands no tag")


def has_no_header(file: Path, encoding: str | None) -> bool:
    """Whether a .tsv file is CoNLL's: its first line is a token with a tag, and no header."""
    first = next((text for _, text in _lines(file, encoding) if text.strip()), "")
    cells = first.split("\t")
    return len(cells) > 1 and (_TAGGED.fullmatch(cells[-1]) is not None or first.startswith(DOCUMENT_MARK))


def _lines(file: Path, encoding: str | None) -> Iterator[tuple[int, str]]:
    try:
        with opened(file, encoding=encoding) as stream:
            for number, raw in enumerate(stream, 1):
                text = raw.decode("utf-8").rstrip("\r\n")
                if "\r" in text:
                    raise DataError(
                        "a carriage return stands within a line", where=f"{file}:{number}",
                        hint="lines end with a line feed, with or without a carriage return before it: "
                        "tr '\\r' '\\n' < OLD > NEW makes them so of a file that has returns alone",
                    )  # fmt: skip
                yield number, text.removeprefix("\ufeff") if number == 1 else text
    except UnicodeDecodeError:
        raise bad_byte(file) from None


def _columns(block: list[list[str]]) -> Columns | RowFault:
    first = len(block[0])
    if odd := next((cells for cells in block if len(cells) != first), None):
        return RowFault(
            "uneven_columns", f"the token {odd[0]!r} has {counted(len(odd), 'columns')}, and the first has {first}"
        )
    return {str(at): list(column) for at, column in enumerate(zip(*block, strict=True), 1)}
