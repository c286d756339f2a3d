"""A JSON document whose vectors lie in a file beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np

from runner.errors import UsageError
from runner.tasks.answers import Kept, RecordObject


class VectorsBeside(RecordObject):
    """``{"vectors": {"file", "rows", "width"}, "embeddings": [...]}``: each record says its row of the file, from 0."""

    def __init__(self, answers: Any, form: Literal["npy", "parquet"]) -> None:
        super().__init__(answers)
        self._form = form
        self._named: dict[str, Any] = {}

    def parts(self, kept: Kept) -> Iterator[str]:
        if not self._named:
            raise UsageError("vectors beside the output need a file", where="--output-path", hint="name a file")
        yield '{\n "vectors": ' + json.dumps(self._named) + ",\n " + json.dumps(self._answers.document_key) + ": ["
        row = 0
        for at, record in enumerate(self._records(kept)):
            if "embedding" in record:
                record["vector"], row = row, row + 1
                del record["embedding"]
            yield ("," if at else "") + "\n  " + json.dumps(record, ensure_ascii=False)
        yield "\n ]\n}\n"

    def write_beside(self, path: Path, kept: Kept) -> None:
        """The vectors, float32 ``[rows, width]``, in ``<name>.vectors.npy`` or ``.parquet``."""
        found = [record["embedding"] for record in self._records(kept) if "embedding" in record]
        values = np.array(found, np.float32) if found else np.zeros((0, 0), np.float32)
        place = path.with_name(f"{path.stem}.vectors.{self._form}")
        self._named = {"file": place.name, "rows": len(values), "width": int(values.shape[1])}
        aside = place.with_name(f".{place.name}")
        if self._form == "npy":
            with aside.open("wb") as file:
                np.save(file, values, allow_pickle=False)
        else:
            import pyarrow as pa
            from pyarrow import parquet

            column = pa.array(list(values), pa.list_(pa.float32()))
            parquet.write_table(pa.table({"embedding": column}), aside)
        aside.replace(place)

    @staticmethod
    def _records(kept: Kept) -> Iterator[dict[str, Any]]:
        kept.lines.seek(0)
        for line in kept.lines:
            yield json.loads(line)
