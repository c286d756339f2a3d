"""Questions on texts to be answered: objects on the command line, a file of any container, SQuAD's too, or a pipe."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.data.asked_files import FORMATS, AskedFiles
from runner.data.context_questions.question_maker import QuestionMaker
from runner.data.context_questions.question_source import QuestionSource
from runner.data.dialogues.row_faults import RowFault
from runner.data.records.broken_rows import BrokenRows
from runner.data.records.data_files import data_files
from runner.data.table_rows.infer_rows import TableRows, Written
from runner.errors import DataError, UsageError

NOTHING, WHERE = "no questions", "--input"
HOW = "--input FILE (.jsonl, .json, .csv, .tsv, .parquet, .arrow), or pipe them in: cat FILE | ..."
OBJECT = """a question is a JSON object, as in '{"question": "Who came?", "context": "Runa came at noon."}'"""
ROW = "every row has a question and the context that is to answer it"


@dataclass(frozen=True)
class AskedQuestion:
    """A question and the text that is to answer it."""

    question: str
    context: str
    id: str | int | None = None

    def key(self) -> bytes:
        """What makes it the same question as another: both texts."""
        told = json.dumps([self.question, self.context], ensure_ascii=False)
        return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class AskedQuestions(TableRows):
    """Questions that can be read as often as needed. ``check`` reads them all once, before anything is computed."""

    noun = "questions"

    def __init__(
        self,
        name: str,
        source: Path | Sequence[AskedQuestion],
        columns: Mapping[str, str],
        holder: Any = None,
        written: Written | None = None,
    ) -> None:
        super().__init__(name, source, None, holder, written or Written())  # type: ignore[arg-type]
        self._columns = columns

    def provenance(self) -> dict[str, Any]:
        count, told = self.fingerprint()
        return {"questions": count, "questions_sha256": told, "questions_from": self.name}

    def _rows(self) -> Iterator[Any]:
        if not isinstance(self._source, Path):
            yield from self._source
            return
        try:
            yield from self._of_file(self._source)
        except DataError as error:
            if self._holder is not None and error.where:
                # A pipe has a name, and the file that it was put into is nobody's.
                error.where = error.where.replace(str(self._source), self.name)
            raise

    def _of_file(self, path: Path) -> Iterator[AskedQuestion]:
        written = self._written.of(path, data_files(path)[1], self.name)
        source = QuestionSource(path, "", **written)
        place = ":{}" if source.unit == "line" else f": {source.unit} {{}}"
        broken, maker = BrokenRows(), QuestionMaker(self._columns, asked=True)
        for batch in source.batches():
            for number, cells in batch:
                where = self.name + place.format(number)
                if isinstance(cells, str):
                    broken.add(DataError(cells, where=where, hint="every question that is asked is answered"))
                    continue
                try:
                    yield _asked(maker, cells, number, where)
                except DataError as error:
                    broken.add(error)
        broken.tell()


def _asked(maker: QuestionMaker, cells: Mapping[str, Any], number: int, where: str) -> AskedQuestion:
    try:
        row = maker.row(cells, number)
    except RowFault as fault:
        raise DataError(fault.detail or fault.reason, where=where, hint=ROW) from None
    return AskedQuestion(row.question, row.context, row.id)


def _own(columns: Mapping[str, Any] | None) -> dict[str, str]:
    """The columns of the training data that a question to be answered has as well."""
    return {
        role: name
        for role, name in (columns or {}).items()
        if name is not None and role in ("context", "question", "id")
    }


def from_words(words: Sequence[str], columns: Mapping[str, Any] | None = None, **written: Any) -> AskedQuestions:
    """JSON objects on the command line. Raises :class:`UsageError` for a word that is none."""
    rows, maker = [], QuestionMaker(_own(columns), asked=True)
    for number, word in enumerate(words, 1):
        try:
            cells = json.loads(word)
        except ValueError:
            cells = None
        if not isinstance(cells, dict):
            raise UsageError(
                f"question {number} is {word!r:.80}, which is no JSON object", where="--prompts", hint=OBJECT
            )
        rows.append(_asked(maker, cells, number, f"--prompts: question {number}"))
    if not rows:
        raise UsageError(NOTHING, where="--prompts", hint=OBJECT)
    return AskedQuestions("the command line", rows, {})


def _opened(
    name: str, path: Path, holder: Any, columns: Mapping[str, Any] | None = None, **written: Any
) -> AskedQuestions:
    return AskedQuestions(name, path, _own(columns), holder, Written(**written))


def _begins(head: bytes) -> str:
    # A file of one nested object is read as JSON, and one of an object a line as that all the same.
    return "json" if head[:1] in (b"[", b"{") else "csv"


_FILES = AskedFiles("questions", _opened, _begins, FORMATS)
from_file, from_pipe = _FILES.from_file, _FILES.from_pipe
