"""A path's files as an outcome matrix, where they are one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.contract import DataReport
from runner.data.outcomes import bench_folder, outcome_rows, published_forms, score_arrays
from runner.data.outcomes.gathered import Gathered
from runner.data.outcomes.outcome_fields import Outcomes
from runner.data.outcomes.outcome_matrix import OutcomeMatrix
from runner.data.outcomes.published_forms import FORMS, Reading, Sparse
from runner.data.records import Records, open_records
from runner.data.records.data_files import data_files
from runner.errors import DataError

BATCH = 2048
#: Rows that are looked at to tell a form.
LOOKED_AT = 200


def is_arrays(path: str | Path) -> bool:
    return str(path).lower().endswith(".npz")


@dataclass
class Found:
    """A data set that is a matrix: its form, and how to read it."""

    path: str | Path
    reading: Reading
    files: list[Path]
    records: Records | None = None
    options: Outcomes = field(default_factory=Outcomes)
    #: Whether prompts that one LLM alone has a score for are part of the matrix.
    sparse: bool = False

    def read(self, report: DataReport, most: int | None = None) -> tuple[OutcomeMatrix, Gathered]:
        """The matrix, and what was gathered of it; with ``most``, reading ends after about so many rows.

        Raises :class:`DataError` for what cannot be read.
        """
        gathered = Gathered(self.reading.form.name, self.options, report, str(self.files[0]))
        if self.reading.form.shape == "folder":
            bench_folder.add(gathered, self.files)
        elif self.reading.form.shape == "arrays":
            score_arrays.add(gathered, self.files[0])
        else:
            self._rows(gathered, most)
        report.rows_read = gathered.read
        if not gathered.read:
            raise DataError("there is no row in it", where=str(self.path))
        return gathered.matrix(1 if self.sparse else 2), gathered

    def _rows(self, gathered: Gathered, most: int | None) -> None:
        assert self.records is not None
        for batch in self.records.batches(BATCH, self.reading.wanted):
            gathered.where = str(batch.file)
            outcome_rows.add(gathered, self.reading, batch.rows, batch.numbers)
            for line, reason in batch.bad:
                gathered.read += 1
                gathered.drop(reason, line)
            if most is not None and gathered.read >= most:
                return


def find(path: str | Path, options: Outcomes | None, *, sparse: Sparse | None = None, **opening: Any) -> Found | None:
    """The data set as a matrix, or None where nothing says that it is one.

    ``options`` is what the spec says of a matrix: with them, what is none is an error. With ``sparse`` the outcomes of
    one LLM are a matrix as well. ``opening`` is what :func:`~runner.data.records.open_records` takes beside the path.
    Raises :class:`DataError`.
    """
    given = options or Outcomes()
    if is_arrays(path):
        return _fixed("routereval", path, [Path(path).expanduser()], given, sparse)
    paths, container = data_files(path)
    if container == "json" and _is_bench(paths, given):
        return _fixed("llmrouterbench", path, paths, given, sparse)
    if given.format in ("routereval", "llmrouterbench"):
        raise DataError(f"is not {FORMS[given.format].told}", where=str(path), hint="set data.outcomes.format to auto")
    records = open_records(path, pointer="", **opening)
    if options is None and published_forms.compares(records.columns or ()):
        return None
    names, rows = _looked_at(records)
    reading = published_forms.told_by(names, rows, given, str(records.files[0]), sparse)
    if reading is None:
        if options is None:
            return None
        raise DataError(
            "no form of an outcome matrix that is known here",
            where=str(records.files[0]),
            hint=f"there are: {', '.join(names) or 'no columns'}; say data.outcomes.format, and name yours in "
            'data.outcomes.columns, such as {"format": "long", "columns": {"prompt": "...", "model": "...", '
            '"score": "..."}}',
        )
    return Found(path, reading, records.files, records, given, sparse is not None)


def _fixed(name: str, path: str | Path, paths: list[Path], options: Outcomes, sparse: Sparse | None) -> Found:
    """A form whose files are always the same."""
    if options.format not in ("auto", name):
        raise DataError(
            f"is {FORMS[name].told}, and the spec says {options.format}", where=str(path), hint="set it to auto"
        )
    if options.columns is not None:
        raise DataError(
            f"{FORMS[name].told} has no columns to be named", where="/data/outcomes/columns", hint="take them out"
        )
    return Found(path, Reading(FORMS[name], {}), paths, None, options, sparse is not None)


def _is_bench(paths: list[Path], options: Outcomes) -> bool:
    return options.format == "llmrouterbench" or (options.format == "auto" and bench_folder.is_result(paths[0]))


def _looked_at(records: Records) -> tuple[list[str], list[dict[str, Any]]]:
    """The columns, and the first rows."""
    rows: list[dict[str, Any]] = []
    for batch in records.batches(LOOKED_AT):
        rows += batch.rows
        if len(rows) >= LOOKED_AT:
            break
    names = records.columns
    return (list(dict.fromkeys(name for row in rows for name in row)) if names is None else names), rows[:LOOKED_AT]
