"""The forms of scores: one JSON object, JSON Lines, Parquet. Written without ever holding all of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from runner.data.prompt_rows import Row
from runner.errors import UsageError
from runner.tasks.answers import ID, INDEX, STRIDE, Form, Kept


class _Scores(Form):
    """What the forms share: the LLMs' names, and what stands for NaN, the score of one that the model does not know."""

    def __init__(self, names: Sequence[str], fill: float | None) -> None:
        self._names, self._fill = names, fill

    def _text(self, value: float) -> str:
        return json.dumps(self._fill) if value != value else repr(value)


class ScoreObject(_Scores):
    """``{"A": [score, ...], ...}``, as ``json.dumps(..., indent=2)`` writes it."""

    def lines(self, rows: Sequence[Row], start: int, results: np.ndarray) -> str:
        return ""

    def parts(self, kept: Kept) -> Iterator[str]:
        yield "{"
        for line, name in enumerate(self._names):
            yield ("," if line else "") + "\n  " + json.dumps(name, ensure_ascii=False) + ": ["
            for start in range(0, kept.rows, STRIDE):
                values = kept.table.column(line, start, min(start + STRIDE, kept.rows)).tolist()
                yield ("," if start else "") + "\n    " + ",\n    ".join([self._text(value) for value in values])
            yield "\n  ]"
        yield "\n}\n"


class ScoreLines(_Scores):
    """``{"id": ..., "index": 0, "scores": {"A": 0.1}}`` a prompt, ``index`` from 0."""

    grows = True

    def lines(self, rows: Sequence[Row], start: int, results: np.ndarray) -> str:
        # Every line has the same names: json.dumps would quote them anew in each.
        keys = [json.dumps(name, ensure_ascii=False) for name in self._names]
        out = []
        for at, (row, values) in enumerate(zip(rows, results.T.tolist(), strict=True)):
            known = ", ".join([f"{key}: {self._text(value)}" for key, value in zip(keys, values, strict=True)])
            name = "" if row.id is None else f'"{ID}": {json.dumps(row.id, ensure_ascii=False)}, '
            out.append(f'{{{name}"{INDEX}": {start + at}, "scores": {{{known}}}}}\n')
        return "".join(out)


class ScoreParquet(_Scores):
    """One row a prompt: ``index``, its ``id`` as text where the prompts have ids, and a column per LLM."""

    def __init__(self, names: Sequence[str], fill: float | None) -> None:
        super().__init__(names, fill)
        for name in {INDEX, ID} & set(names):
            raise UsageError(
                f"an LLM is called {name!r}, as a column of the file is",
                where="--output-format",
                hint="--output-format jsonl",
            )

    def lines(self, rows: Sequence[Row], start: int, results: np.ndarray) -> str:
        # The scores are in the table: the ids alone are kept in lines.
        return "".join(json.dumps(row.id) + "\n" for row in rows)

    def write(self, path: Path, kept: Kept) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        fields = [
            (INDEX, pa.int64()),
            *([(ID, pa.string())] if kept.has_ids else []),
            *((name, pa.float64()) for name in self._names),
        ]
        kept.lines.seek(0)
        with parquet.ParquetWriter(path, pa.schema(fields)) as writer:
            for start in range(0, kept.rows, STRIDE):
                stop = min(start + STRIDE, kept.rows)
                columns = [pa.array(np.arange(start, stop))]
                ids = [json.loads(next(kept.lines)) for _ in range(start, stop)]
                if kept.has_ids:
                    columns.append(pa.array([None if value is None else str(value) for value in ids], pa.string()))
                for line in range(len(self._names)):
                    values = kept.table.column(line, start, stop)
                    strange = np.isnan(values)
                    filled = np.where(strange, self._fill or 0.0, values)
                    columns.append(pa.array(filled, mask=strange if self._fill is None else None))
                writer.write_batch(pa.record_batch(columns, schema=pa.schema(fields)))


FORMS: dict[str, Callable[[Sequence[str], float | None], Form]] = {
    "json": ScoreObject,
    "jsonl": ScoreLines,
    "parquet": ScoreParquet,
}
