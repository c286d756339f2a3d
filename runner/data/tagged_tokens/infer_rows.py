"""Texts to be tagged, in their order: words, lines of text, rows of any container with texts or tokens, or a pipe."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.contract.quantities import counted
from runner.data.asked_files import FORMATS, AskedFiles, is_array
from runner.data.dialogues.cell_values import kind, missing
from runner.data.dialogues.column_roles import plain
from runner.data.dialogues.row_faults import RowFault
from runner.data.records.broken_rows import BrokenRows
from runner.data.records.byte_streams import opened
from runner.data.records.data_files import Container, data_files
from runner.data.table_rows.infer_rows import TableRows, Written
from runner.data.tagged_tokens.character_spans import words_of
from runner.data.tagged_tokens.conll_files import Columns, blocks, has_no_header
from runner.data.tagged_tokens.conll_suffixes import CONLL
from runner.data.tagged_tokens.list_cells import list_of
from runner.data.tagged_tokens.tagged_row import joined
from runner.data.tagged_tokens.token_rows import TEXTS, TOKENS
from runner.errors import DataError, UsageError

ROW = 'a row is an object with "text" or "tokens"'
SENTENCE = "a line is a token, alone or with its columns, and a blank line ends a sentence"
WHERE, NOTHING = "--input", "no rows"
HOW = "--prompts T1 T2, --input FILE (.txt, .jsonl, .json, .csv, .parquet, .conll), or pipe them in: cat FILE | ..."
#: Suffixes of files of lines of text.
LINES = (".txt", ".text", ".md")
#: A line that ends in a tag, as a token's does in CoNLL's form, and what is said where all are of that kind.
TAGGED = re.compile(r"\A\S+(?:[ \t]+\S+)*[ \t]+(?:O|[BIESLU]-\S+)\s*\Z")
AS_LINES = "each line is read as a text, and each ends in a tag: --prompts-format conll reads tokens with their tags"
#: Those of files in CoNLL's form: a file of lines of text is called .txt here, though training reads it as CoNLL's.
SENTENCES: Mapping[str, Container] = {suffix: kind for suffix, kind in CONLL.items() if suffix not in LINES}
#: The field of an object that a text alone stands for, in a server's rows.
TEXT_FIELD = "text"


@dataclass(frozen=True)
class AskedText:
    """A text, and where its tokens stand in it."""

    text: str
    spans: tuple[tuple[int, int], ...]
    id: str | int | None = None
    line: int = 0

    @property
    def tokens(self) -> tuple[str, ...]:
        return tuple(self.text[start:end] for start, end in self.spans)

    def key(self) -> bytes:
        """What makes it the same question as another."""
        told = json.dumps([self.text, self.spans], ensure_ascii=False)
        return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def asked_text(text: str, name: str | int | None = None, line: int = 0) -> AskedText:
    """A plain text: its words are runs of letters, digits and underscores, and single signs."""
    return AskedText(text, words_of(text), name, line)


class AskedTexts(TableRows):
    """Texts that can be read as often as needed. ``check`` reads them all once, before anything is computed."""

    noun = "texts"

    def __init__(
        self,
        name: str,
        source: Path | Sequence[AskedText],
        columns: Mapping[str, str] | None = None,
        holder: Any = None,
        written: Written | None = None,
    ) -> None:
        super().__init__(name, source, None, holder, written or Written())  # type: ignore[arg-type]
        self._columns = columns or {}

    def provenance(self) -> dict[str, Any]:
        count, told = self.fingerprint()
        return {"texts": count, "texts_sha256": told, "texts_from": self.name}

    def _rows(self) -> Iterator[Any]:
        if not isinstance(self._source, Path):
            yield from self._source
        elif self._source.suffix.lower() in LINES:
            yield from self._lines(self._source)
        else:
            yield from super()._rows()

    def _lines(self, path: Path) -> Iterator[AskedText]:
        self.blank = count = tagged = 0
        with opened(path, encoding=self._written.encoding) as file:
            for number, raw in enumerate(file, 1):
                try:
                    text = raw.decode("utf-8").rstrip("\r\n")
                except UnicodeDecodeError:
                    raise DataError("is not UTF-8", where=f"{self.name}:{number}", hint="--encoding names it") from None
                if text.removeprefix("\ufeff").strip():
                    count += 1
                    tagged += TAGGED.search(text) is not None
                    yield asked_text(text.removeprefix("\ufeff"), line=number)
                else:
                    self.blank += 1
        self.notes = [AS_LINES] if count == tagged > 1 else []

    def _of_files(self, path: Path) -> Iterator[Any]:
        files, container = data_files(path, also=SENTENCES)
        if container not in ("conll", "tsv"):
            yield from super()._of_files(path)
            return
        encoding = self._written.of(path, container, self.name)["encoding"]
        if container == "tsv" and not has_no_header(files[0], encoding):
            yield from super()._of_files(path)
            return
        tagged, broken = 0, BrokenRows()
        for file in files:
            for line, cells in blocks(file, encoding, Counter()):
                try:
                    if isinstance(cells, RowFault):
                        raise cells
                    yield self._sentence(cells, line)
                    tagged += len(cells) > 1
                except RowFault as fault:
                    place = f"{file if self._holder is None else self.name}:{line}"
                    broken.add(DataError(fault.detail or fault.reason, where=place, hint=SENTENCE))
        broken.tell()
        if tagged:
            self.notes = [f"the tags of {counted(tagged, 'sentences')} are passed over: the model finds its own"]

    def _sentence(self, cells: Columns, line: int) -> AskedText:
        own = self._columns.get("tokens", "1")
        # What other files call their column is no number of one.
        column = own if own.isdigit() else "1"
        if column not in cells:
            raise RowFault("unrecognised_columns", f"there are {counted(len(cells), 'columns')}, and no {column}.")
        return AskedText(*joined(tuple(cells[column])), None, line)

    def _records(self, records: Any, broken: BrokenRows) -> Iterator[Any]:
        for row in super()._records(records, broken):
            try:
                yield self._asked(row)
            except RowFault as fault:
                broken.add(DataError(fault.detail or fault.reason, where=row.where, hint=ROW))

    def _asked(self, row: Any) -> AskedText:
        cells = row.values
        tokens, text = self._column("tokens", TOKENS, cells), self._column("text", TEXTS, cells)
        if tokens is not None:
            found, form = list_of(cells[tokens], "tokens")
            if form != "words":
                if not all(isinstance(each, str) for each in found):
                    raise RowFault("token_not_text", "a token is no text")
                return AskedText(*joined(tuple(found)), row.id, row.line)
            text = tokens
        if text is None or missing(cells[text]):
            raise RowFault("no_text", f"there is neither a text nor tokens among {', '.join(map(repr, cells))}")
        if not isinstance(cells[text], str):
            raise RowFault("text_not_text", f"{text!r} is {kind(cells[text])}")
        return asked_text(cells[text], row.id, row.line)

    def _column(self, role: str, names: Sequence[str], cells: Mapping[str, Any]) -> str | None:
        if self._columns.get(role) in cells:
            return self._columns[role]
        return next((name for usual in names for name in cells if plain(name) == usual), None)


def from_words(words: Sequence[str], **written: Any) -> AskedTexts:
    """Texts on the command line. Raises :class:`UsageError` for none."""
    if not words:
        raise UsageError(NOTHING, where=WHERE, hint="give at least one text")
    return AskedTexts("--prompts", [asked_text(word, line=number) for number, word in enumerate(words, 1)])


def _opened(name: str, path: Path, holder: Any, columns: Mapping[str, Any] | None = None, **written: Any) -> AskedTexts:
    own = {role: column for role, column in (columns or {}).items() if column is not None}
    return AskedTexts(name, path, own, holder, Written(**written))


def _begins(head: bytes) -> str:
    return "json" if is_array(head) else "jsonl" if head[:1] == b"{" else "text"


_FILES = AskedFiles("texts", _opened, _begins, {**FORMATS, "text": ".txt", "conll": ".conll"}, LINES, SENTENCES)
from_file, from_pipe = _FILES.from_file, _FILES.from_pipe
