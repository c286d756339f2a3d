"""What a stored model's answers are to the engine of ``infer``: rows in, results and their written forms out.

A task's room ``answers`` has ``open_answers(opened, options, say)``, which gives an :class:`Answers`. Most tasks answer
with a record a row, a JSON object, and need no more than :meth:`Answers.answer` and :meth:`Answers.columns`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from runner.data.records.broken_rows import BrokenRows
from runner.errors import DataError

if TYPE_CHECKING:
    from runner.tasks.number_table import NumberTable

OutputFormat = Literal["json", "jsonl", "parquet"]
#: Columns of a Parquet output that are no part of an answer.
INDEX, ID = "index", "id"
#: Rows of a Parquet output that are written at a time.
STRIDE = 65_536
#: Rows that are checked at a time.
AT_A_TIME = 1024


class OpenedModel(Protocol):
    """A stored model behind the one door: what a task needs of it."""

    @property
    def reference(self) -> str:
        """``type/name/vN``"""

    @property
    def model_type(self) -> str: ...
    @property
    def path(self) -> Path: ...
    @property
    def cache(self) -> Path: ...
    @property
    def warnings(self) -> list[str]: ...
    @property
    def manifest(self) -> Any: ...
    @property
    def predictor_class(self) -> type[Any]: ...
    @property
    def predictor(self) -> Any:
        """The predictor, loaded once."""

    def kinds_whose(self, fits: Callable[[type[Any]], bool]) -> list[str]:
        """The kinds whose predictor's class fits: what a hint can offer instead."""

    def parameter(self, name: str) -> float | None:
        """A calibrated parameter of the model, None where it has none of that name."""


@dataclass(frozen=True)
class Kept:
    """All that was answered, as the work keeps it until the output is written."""

    #: Numbers, ``[width, rows]``, of answers that have a width.
    table: NumberTable
    #: The lines that the form's ``lines`` gave, chunk after chunk.
    lines: IO[bytes]
    rows: int
    has_ids: bool


class Form:
    """One form of the output: lines of each chunk, and, unless they are the output itself, what is made of them all."""

    #: Whether the lines are the output: it grows with every chunk, a reader of standard output gets each at once, and
    #: :meth:`parts` and :meth:`write` are not called.
    grows: ClassVar[bool] = False

    def lines(self, rows: Sequence[Any], start: int, results: Any) -> str:
        """What is kept of a chunk that begins at row ``start``, so that stopped work goes on behind it."""
        raise NotImplementedError

    def parts(self, kept: Kept) -> Iterator[str]:
        """The whole output as text, for standard output."""
        raise NotImplementedError

    def write_beside(self, path: Path, kept: Kept) -> None:
        """What lies in files of its own beside the output at ``path``, which is written after it."""

    def write(self, path: Path, kept: Kept) -> None:
        """The whole output as a file: the text, unless the form is none."""
        with path.open("w", encoding="utf-8") as file:
            file.writelines(self.parts(kept))


def check_each(rows: Any, check: Callable[[Any], object]) -> None:
    """Call ``check`` for every row, and raise one :class:`DataError` for all that it refuses."""
    broken, number = BrokenRows(), 0
    for chunk in rows.chunks(AT_A_TIME):
        for row in chunk:
            number += 1
            try:
                check(row)
            except DataError as error:
                error.where = f"{rows.name}: row {number}"
                broken.add(error)
    broken.tell()


class Answers:
    """The base of a task's answers: records. ``predictor``, ``options`` and ``warnings`` are the subclass's to fill."""

    #: Numbers a row, where the answers are numbers that are kept in a table; 0 for records.
    width: int = 0
    #: What the JSON output calls the list of records.
    document_key: str = "predictions"

    def __init__(self, warnings: Sequence[str] = ()) -> None:
        self.warnings = list(warnings)

    def facts(self) -> dict[str, Any]:
        """What decides every byte of the output, beside the model, the rows and the batches."""
        return {}

    def provenance(self) -> dict[str, Any]:
        """What the provenance says beyond the model, the rows and the device."""
        return {}

    def check(self, rows: Any) -> None:
        """Raise :class:`~runner.errors.DataError` for rows that the model cannot answer: all of them, before any is."""

    def warnings_of(self, rows: Any) -> list[str]:
        """What is to be said of checked rows before they are answered, such as what all of them lack."""
        return []

    def closing(self) -> list[str]:
        """What is to be said once all rows are answered, such as how many categories were unseen."""
        return []

    def answer(self, rows: Sequence[Any], batch_size: int) -> Any:
        """A list of records, one a row, in their order; of answers with a width, float64 ``[width, len(rows)]``."""
        raise NotImplementedError

    def columns(self) -> list[tuple[str, str]]:
        """The Parquet columns of a record: name, and ``string``, ``double``, ``int64`` or ``bool``; or a list of
        ``texts``, ``floats`` (float32) or ``int64s``."""
        raise NotImplementedError

    def flat(self, record: dict[str, Any]) -> list[Any]:
        """A record's cells, in the order of :meth:`columns`."""
        raise NotImplementedError

    def form(self, form: OutputFormat) -> Form:
        """The form's writer. Raises :class:`~runner.errors.UsageError` for one that cannot hold these answers."""
        return FORMS[form](self)


class _Records(Form):
    """What the forms of records share: a line of JSON each is kept."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def lines(self, rows: Sequence[Any], start: int, results: Sequence[dict[str, Any]]) -> str:
        out = []
        for at, (row, record) in enumerate(zip(rows, results, strict=True)):
            named = {} if row.id is None else {ID: row.id}
            line = named | {INDEX: start + at} | record
            out.append(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
        return "".join(out)


class RecordLines(_Records):
    """JSON Lines: ``{"id": ..., "index": 0, ...the record}`` a row, ``index`` from 0."""

    grows = True


class RecordObject(_Records):
    """One JSON object: ``{"predictions": [...]}``, a record a row."""

    def parts(self, kept: Kept) -> Iterator[str]:
        yield "{\n  " + json.dumps(self._answers.document_key) + ": ["
        kept.lines.seek(0)
        for at, line in enumerate(kept.lines):
            yield ("," if at else "") + "\n    " + line.decode().rstrip("\n")
        yield "\n  ]\n}\n"


class RecordParquet(_Records):
    """One row a record: ``index``, its ``id`` as text where the rows have ids, and the record's columns."""

    def write(self, path: Path, kept: Kept) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        types = {"string": pa.string(), "double": pa.float64(), "int64": pa.int64(), "bool": pa.bool_()}
        types |= {"texts": pa.list_(pa.string()), "floats": pa.list_(pa.float32()), "int64s": pa.list_(pa.int64())}
        own = [(name, types[kind]) for name, kind in self._answers.columns()]
        schema = pa.schema([(INDEX, pa.int64()), *([(ID, pa.string())] if kept.has_ids else []), *own])
        kept.lines.seek(0)
        with parquet.ParquetWriter(path, schema) as writer:
            for start in range(0, kept.rows, STRIDE):
                stop = min(start + STRIDE, kept.rows)
                records = [json.loads(next(kept.lines)) for _ in range(start, stop)]
                cells = [self._answers.flat(record) for record in records]
                columns = [pa.array(list(range(start, stop)), pa.int64())]
                if kept.has_ids:
                    ids = [record.get(ID) for record in records]
                    columns.append(pa.array([None if value is None else str(value) for value in ids], pa.string()))
                for at, (_, kind) in enumerate(own):
                    columns.append(pa.array([row[at] for row in cells], kind))
                writer.write_batch(pa.record_batch(columns, schema=schema))


FORMS: dict[str, Callable[[Answers], Form]] = {"json": RecordObject, "jsonl": RecordLines, "parquet": RecordParquet}
