"""The output's three forms, written from the table of scores without ever holding all of it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runner.data.prompt_rows import Row
from runner.errors import UsageError
from runner.inference.output_places import OutputFormat
from runner.inference.unfinished_work import Table
from runner.store.files import cannot_write, sync_folder


@dataclass(frozen=True)
class Scores:
    """Everything that was scored."""

    table: Table
    names: Sequence[str]
    prompts: int
    #: What stands for NaN: the score of an LLM that the model does not know.
    fill: float | None


#: Scores that are text at a time.
STRIDE = 65_536
#: Columns of a Parquet output that are no LLM's.
INDEX, ID = "index", "id"


def check_columns(form: OutputFormat, names: Sequence[str]) -> None:
    """Raise :class:`UsageError` where an LLM is called as a column of the Parquet file is that is none."""
    for name in {INDEX, ID} & set(names) if form == "parquet" else ():
        raise UsageError(
            f"an LLM is called {name!r}, as a column of the file is",
            where="--output-format",
            hint="--output-format jsonl",
        )


def lines(
    form: OutputFormat, rows: Sequence[Row], start: int, names: Sequence[str], scores: np.ndarray, fill: float | None
) -> str:
    """A chunk as JSONL: ``{"id": ..., "index": 0, "scores": {"A": 0.1}}`` a prompt, ``index`` from 0. For Parquet, the
    ids alone, for :func:`write_parquet`; for the JSON object, nothing."""
    if form == "json":
        return ""
    if form == "parquet":
        return "".join(json.dumps(row.id) + "\n" for row in rows)
    # Every line has the same names: json.dumps would quote them anew in each.
    keys = [json.dumps(name, ensure_ascii=False) for name in names]
    missing = json.dumps(fill)
    out = []
    for at, (row, values) in enumerate(zip(rows, scores.T.tolist(), strict=True)):
        known = ", ".join([f"{key}: {_number(value, missing)}" for key, value in zip(keys, values, strict=True)])
        name = "" if row.id is None else f'"{ID}": {json.dumps(row.id, ensure_ascii=False)}, '
        out.append(f'{{{name}"{INDEX}": {start + at}, "scores": {{{known}}}}}\n')
    return "".join(out)


def _number(value: float, missing: str) -> str:
    return missing if value != value else repr(value)


def object_parts(scores: Scores) -> Iterator[str]:
    """The documented object, ``{"A": [score, ...], ...}``, as ``json.dumps(..., indent=2)`` writes it, in parts."""
    missing = json.dumps(scores.fill)
    yield "{"
    for model, name in enumerate(scores.names):
        yield ("," if model else "") + "\n  " + json.dumps(name, ensure_ascii=False) + ": ["
        for start in range(0, scores.prompts, STRIDE):
            values = scores.table.column(model, start, min(start + STRIDE, scores.prompts)).tolist()
            texts = [_number(value, missing) for value in values]
            yield ("," if start else "") + "\n    " + ",\n    ".join(texts)
        yield "\n  ]"
    yield "\n}\n"


def write_object(path: Path, scores: Scores) -> None:
    """The documented object as a file."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(object_parts(scores))


def write_parquet(path: Path, scores: Scores, ids: Path, with_ids: bool) -> None:
    """One row a prompt: ``index``, its ``id`` as text where the prompts have ids, and a column per LLM."""
    import pyarrow as pa
    from pyarrow import parquet

    fields = [
        (INDEX, pa.int64()),
        *([(ID, pa.string())] if with_ids else []),
        *((name, pa.float64()) for name in scores.names),
    ]
    with parquet.ParquetWriter(path, pa.schema(fields)) as writer, ids.open(encoding="utf-8") as given:
        for start in range(0, scores.prompts, STRIDE):
            stop = min(start + STRIDE, scores.prompts)
            columns = [pa.array(np.arange(start, stop))]
            values = [json.loads(next(given)) for _ in range(start, stop)]
            if with_ids:
                columns.append(pa.array([None if value is None else str(value) for value in values], pa.string()))
            for model in range(len(scores.names)):
                column = scores.table.column(model, start, stop)
                strange = np.isnan(column)
                columns.append(
                    pa.array(
                        np.where(strange, scores.fill or 0.0, column), mask=strange if scores.fill is None else None
                    )
                )
            writer.write_batch(pa.record_batch(columns, schema=pa.schema(fields)))


def put_in_place(path: Path, write: Callable[[Path], None] | None, aside: Path) -> None:
    """Write aside, or take what is written there already; sync; rename. A reader never sees half of it."""
    try:
        if write is not None:
            write(aside)
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        aside.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
