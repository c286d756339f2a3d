"""The rows of files of tagged tokens: of any container, and of CoNLL's blocks of lines, each with its place."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.contract.quantities import counted
from runner.data.dialogues.row_faults import RowFault
from runner.data.records import open_records
from runner.data.records.byte_streams import bad_byte, opened
from runner.data.records.data_files import data_files
from runner.data.tagged_tokens.conll_suffixes import CONLL

#: Rows of a file that are held at a time.
BATCH = 512
DOCUMENT_MARK = "-DOCSTART-"
#: Lines between the tokens that say something of the sentence: ``# sent_id = 3``, ``# id 5ab``.
_COMMENT = re.compile(r"#\s*(\S+\s*=|id\s|newdoc|newpar|global\.columns)")
_TAGGED = re.compile(r"(O|[BIMELSUW]-\S+)\s*")
Cells = Mapping[str, Any]


@dataclass
class TokenSource:
    """The rows of a path, read as often as needed. A CoNLL file's columns are called "1", "2", ..."""

    path: str | Path
    pointer: str = "/data/dataset"
    encoding: str | None = None
    delimiter: str | None = None
    #: Lines that are no tokens, by what they are.
    passed_over: Counter[str] = field(default_factory=Counter)
    #: The names of classes by column, where a Parquet file brings them.
    class_names: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.files, container = data_files(self.path, self.pointer, also=CONLL)
        self.conll = container == "conll" or (container == "tsv" and self._without_header(self.files[0]))

    @property
    def unit(self) -> str:
        """What a row's number counts."""
        return "line" if self.conll else open_records(self.path, **self._how).unit

    @property
    def _how(self) -> dict[str, Any]:
        return {"pointer": self.pointer, "encoding": self.encoding, "delimiter": self.delimiter}

    def batches(self) -> Iterator[list[tuple[int, Cells | str | RowFault]]]:
        """The number of every row with its cells by column, or with why there is none.

        Raises :class:`~runner.errors.DataError` for what cannot be read.
        """
        if self.conll:
            for file in self.files:
                yield from self._blocks(file)
            return
        for batch in open_records(self.path, **self._how).batches(BATCH):
            if batch.arrow is not None and not self.class_names:
                self.class_names = _class_names(batch.arrow.schema.metadata)
            rows: list[tuple[int, Cells | str | RowFault]] = [*batch.bad, *zip(batch.numbers, batch.rows, strict=True)]
            yield sorted(rows, key=lambda row: row[0])

    def _lines(self, file: Path) -> Iterator[tuple[int, str]]:
        try:
            with opened(file, encoding=self.encoding) as stream:
                for number, raw in enumerate(stream, 1):
                    text = raw.decode("utf-8").rstrip("\r\n")
                    yield number, text.removeprefix("\ufeff") if number == 1 else text
        except UnicodeDecodeError:
            raise bad_byte(file) from None

    def _without_header(self, file: Path) -> bool:
        """Whether a .tsv file is CoNLL's: its first line is a token with a tag, and no header."""
        first = next((text for _, text in self._lines(file) if text.strip()), "")
        cells = first.split("\t")
        return len(cells) > 1 and (_TAGGED.fullmatch(cells[-1]) is not None or first.startswith(DOCUMENT_MARK))

    def _blocks(self, file: Path) -> Iterator[list[tuple[int, Cells | str | RowFault]]]:
        """Sentences: lines of tokens up to a blank line. A sentence's number is that of its first line."""
        block: list[list[str]] = []
        batch: list[tuple[int, Cells | str | RowFault]] = []
        begun = 0
        for number, text in self._lines(file):
            if not text.strip():
                if block:
                    batch.append((begun, _block(block)))
                    block = []
                if len(batch) == BATCH:
                    yield batch
                    batch = []
                continue
            if text.startswith(DOCUMENT_MARK):
                self.passed_over["document_marks"] += 1
                continue
            if _COMMENT.match(text):
                self.passed_over["comments"] += 1
                continue
            if not block:
                begun = number
            block.append(text.split("\t") if "\t" in text else text.split())
        if block:
            batch.append((begun, _block(block)))
        if batch:
            yield batch


def _block(block: list[list[str]]) -> Cells | str | RowFault:
    widths = {len(cells) for cells in block}
    if len(widths) > 1:
        first = len(block[0])
        odd = next(cells for cells in block if len(cells) != first)
        return RowFault(
            "uneven_columns", f"the token {odd[0]!r} has {counted(len(odd), 'columns')}, and the first has {first}"
        )
    if widths == {1}:
        return RowFault("tokens_without_tags", f"beside the token {block[0][0]!r} stands no tag")
    return {str(at): list(column) for at, column in enumerate(zip(*block, strict=True), 1)}


def _class_names(metadata: Mapping[bytes, bytes] | None) -> dict[str, list[str]]:
    """The names of classes by column, as ``datasets`` writes them beside a table."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError, TypeError):
        return {}
    found = {}
    for column, feature in features.items() if isinstance(features, dict) else ():
        inner = feature.get("feature", feature) if isinstance(feature, dict) else {}
        names = inner.get("names") if isinstance(inner, dict) else None
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            found[column] = names
    return found
