"""Rows of a step's inputs, each with its place, and the files that a step writes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from runner.errors import DataError, NotFoundError
from runner.pipeline.steps import Inputs
from runner.pipeline.steps.step_report import StepReport, WrittenFile
from runner.store.files import cannot_write

#: Rows that a step could not take.
REJECTED = "_rejected.jsonl"


class RowWriter:
    """Writes rows as JSON Lines into one file of a step's output, and enters it in the report when it is closed."""

    def __init__(self, out: Path, name: str, report: StepReport, part: str | None = None) -> None:
        self._path, self._report, self._part = out / name, report, part
        self.rows = 0
        self._hash, self._bytes = hashlib.sha256(), 0
        try:
            self._file = self._path.open("wb")
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def write(self, row: Mapping[str, Any]) -> None:
        """Add a row. Raises :class:`~runner.errors.EnvironmentProblem` where the disk is full."""
        line = json.dumps(row, ensure_ascii=False, default=str).encode("utf-8", "replace") + b"\n"
        try:
            self._file.write(line)
        except OSError as error:
            raise cannot_write(self._path, error) from error
        self._hash.update(line)
        self._bytes += len(line)
        self.rows += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._file.close()
        except OSError as failure:
            if error is None:
                raise cannot_write(self._path, failure) from failure
        if error is not None:
            return
        name = self._path.name
        if self._part is not None and not self.rows:
            # No reader takes an empty file for data.
            self._path.unlink()
            self._report.warnings.append(f"nothing is left of {self._part}: the output has no such part")
            return
        self._report.files[name] = WrittenFile(self._hash.hexdigest(), self._bytes, self.rows)
        if self._part is not None:
            self._report.parts[self._part] = name
            self._report.rows_written += self.rows


def part_writer(out: Path, part: str, report: StepReport) -> RowWriter:
    """The file of a part of the output."""
    return RowWriter(out, f"{part}.jsonl", report, part)


def expanded(path: str | Path) -> Path:
    """A path with its ``~`` as the home that it stands for. Raises :class:`NotFoundError` for no such user's."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise NotFoundError("there is no such user's home", where=str(path)) from None


def rows_of(path: str | Path, report: StepReport, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every row of a path with its place, ``FILE:LINE``. Rows that cannot be read are counted as left out.

    Raises :class:`DataError` for a file that cannot be read, :class:`~runner.errors.NotFoundError` for none.
    """
    from runner.data.records import open_records

    records = open_records(str(path), pointer=where)
    for batch in records.batches():
        report.rows_read += len(batch.numbers) + len(batch.bad)
        name = batch.file.name
        for line, reason in batch.bad:
            report.drop(reason, f"{name}:{line}")
        for line, row in zip(batch.numbers, batch.rows, strict=True):
            yield f"{name}:{line}", row


def need_rows(report: StepReport, inputs: Inputs, hint: str) -> None:
    """Raise :class:`DataError` where a step has written no row."""
    if report.rows_written:
        return
    reasons = ", ".join(f"{reason} ({count})" for reason, count in report.dropped.most_common(5))
    first = next((places[0] for places in report.named.values() if places), None)
    told = f": {reasons}" + (f", such as {first}" if first else "") if reasons else ""
    raise DataError(
        f"none of {report.rows_read} rows can be used{told}" if report.rows_read else "there are no rows",
        where=", ".join(str(path) for path in inputs.values()),
        hint=hint,
    )


def tokenizer_files(model: str | None) -> list[Path]:
    """The files of a tokenizer in a local folder, sorted; none of a model that is named as on the Hub."""
    folder = None if model is None else expanded(model)
    if folder is None or not folder.is_dir():
        return []
    return sorted(each for each in folder.iterdir() if each.suffix in (".json", ".jinja", ".txt", ".model"))
