"""The rows of files of tagged tokens: of any container, and of files in CoNLL's form, each with its place."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from runner.data.dialogues.row_faults import RowFault
from runner.data.records import open_records
from runner.data.records.data_files import data_files
from runner.data.tagged_tokens.conll_files import blocks, has_no_header, need_tags
from runner.data.tagged_tokens.conll_suffixes import CONLL

#: Rows of a file that are held at a time.
BATCH = 512
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
        self.conll = container == "conll" or (container == "tsv" and has_no_header(self.files[0], self.encoding))

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
                sentences = blocks(file, self.encoding, self.passed_over)
                while some := [(line, need_tags(cells)) for line, cells in islice(sentences, BATCH)]:
                    yield [*some]
            return
        for batch in open_records(self.path, **self._how).batches(BATCH):
            if batch.arrow is not None and not self.class_names:
                self.class_names = _class_names(batch.arrow.schema.metadata)
            rows: list[tuple[int, Cells | str | RowFault]] = [*batch.bad, *zip(batch.numbers, batch.rows, strict=True)]
            yield sorted(rows, key=lambda row: row[0])


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
