"""Texts to be embedded and pairs to be compared, in their order: words, lines, rows of any container, a pipe."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.data.asked_files import FORMATS, AskedFiles
from runner.data.dialogues.cell_values import missing, text_of
from runner.data.dialogues.column_roles import Columns
from runner.data.dialogues.row_faults import RowFault, Told
from runner.data.prompts import need_text
from runner.data.records.broken_rows import BrokenRows
from runner.data.records.byte_streams import opened
from runner.data.records.data_files import container_of
from runner.data.records.json_lines import decoded, numbered, parsed
from runner.data.table_rows.infer_rows import TableRows, Written
from runner.data.text_pairs.pair_columns import texts_of
from runner.errors import DataError, UsageError

NOTHING, WHERE = "no texts", "--prompts"
HOW = "--prompts T1 T2, --input FILE (.txt, .jsonl, .json, .csv, .parquet), or pipe them in: cat FILE | ..."
ROW = 'expected a text, or an object with "text", or one with two texts: "sentence1" and "sentence2"'
TEXTS = (".txt", ".text")
#: A text alone is a row of a server's as it stands.
TEXT_FIELD = ""
#: The column of a text that stands alone.
ALONE = (
    "text",
    "sentence",
    "query",
    "question",
    "anchor",
    "document",
    "passage",
    "content",
    "prompt",
    "body",
    "sentence1",
)


@dataclass(frozen=True)
class AskedTexts:
    """One text to be embedded, or two to be compared."""

    texts: tuple[str, ...]
    id: str | int | None = None
    where: str = ""

    def key(self) -> bytes:
        """What makes it the same question as another: its texts, in their order."""
        text = json.dumps(self.texts, ensure_ascii=False)
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class AskedTextRows(TableRows):
    """Texts that can be read as often as needed. ``check`` reads them all once, before anything is computed."""

    noun = "texts"

    def __init__(
        self,
        name: str,
        source: Path | Sequence[AskedTexts],
        columns: Mapping[str, Any] | None = None,
        holder: Any = None,
        written: Written | None = None,
    ) -> None:
        super().__init__(name, source, None, holder, written or Written())  # type: ignore[arg-type]
        self._own = {role: name for role, name in (columns or {}).items() if name is not None}

    def provenance(self) -> dict[str, Any]:
        count, told = self.fingerprint()
        return {"texts": count, "texts_sha256": told, "texts_from": self.name}

    def _rows(self) -> Iterator[Any]:
        if not isinstance(self._source, Path):
            yield from self._source
        elif self._source.suffix.lower() in TEXTS:
            yield from self._lines(self._source, plain=True)
        elif container_of(self._source.name) == "jsonl" and self._source.is_file():
            yield from self._lines(self._source, plain=False)
        else:
            yield from super()._rows()

    def _lines(self, path: Path, *, plain: bool) -> Iterator[AskedTexts]:
        """Lines of text, or JSON: objects, and texts as JSON strings."""
        self.blank, broken = 0, BrokenRows()
        encoding = self._written.encoding if plain else self._written.of(path, "jsonl", self.name)["encoding"]
        with opened(path, encoding=encoding) as file:
            for number, raw in numbered(file, self.name):
                where = f"{self.name}:{number}"
                try:
                    text = decoded(raw, where)
                    if not text.strip():
                        self.blank += 1
                        continue
                    value = text if plain else parsed(text, where, ROW)
                    if not isinstance(value, str | dict):
                        raise DataError("is neither a text nor an object", where=where, hint=ROW)
                    asked = self._asked({"text": value} if isinstance(value, str) else value, where)
                except DataError as error:
                    broken.add(error)
                    continue
                yield asked
        broken.tell()

    def _records(self, records: Any, broken: BrokenRows) -> Iterator[Any]:
        for row in super()._records(records, broken):
            try:
                asked = self._asked(row.values, row.where)
            except DataError as error:
                broken.add(error)
                continue
            yield asked

    def _asked(self, row: Mapping[str, Any], where: str) -> AskedTexts:
        here = Columns(tuple(row), {role: name for role, name in self._own.items() if name in row})
        try:
            found: list[str | None] = list(texts_of(here).values())
            found = found or [here.of("anchor", ALONE) or here.of("positive", ())]
            if found == [None]:
                named = [name for name in row if name != "id"]
                if len(named) != 1:
                    raise RowFault("", f"no column of texts is known among {', '.join(map(repr, row))}")
                found = list(named)
            texts = tuple(self._text(row, str(name)) for name in found)
        except RowFault as fault:
            raise DataError(fault.detail or fault.reason, where=where, hint=ROW) from None
        name = row.get("id")
        usable = isinstance(name, str | int) and not isinstance(name, bool) and name != ""
        return AskedTexts(texts, name if usable else None, where)

    def _text(self, row: Mapping[str, Any], name: str) -> str:
        if missing(row.get(name)):
            raise RowFault("", f"{name!r} is empty")
        text = text_of(row[name], Told(), "", name)
        if not text.strip():
            raise RowFault("", f"{name!r} is blank")
        return text


def from_words(words: Sequence[str], **written: Any) -> AskedTextRows:
    """Texts on the command line. Raises :class:`UsageError` for a word that is no text, or a blank one."""
    if not words:
        raise UsageError(NOTHING, where=WHERE, hint="give at least one text")
    need_text("--prompts", words)
    return AskedTextRows("--prompts", [AskedTexts((word,), where=f"text {at}") for at, word in enumerate(words, 1)])


def _opened(
    name: str, path: Path, holder: Any, columns: Mapping[str, Any] | None = None, **written: Any
) -> AskedTextRows:
    return AskedTextRows(name, path, columns, holder, Written(**written))


def _begins(head: bytes) -> str:
    return "jsonl" if head[:1] in (b"{", b'"') else "text"


_FILES = AskedFiles("texts", _opened, _begins, {**FORMATS, "text": ".txt"}, TEXTS)
from_file, from_pipe = _FILES.from_file, _FILES.from_pipe
