"""Training a table through the command line, and asking the stored model through its predictor."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from runner import registry
from runner.contract import LoadContext, TrainContext
from runner.data.table_rows.infer_rows import from_file
from runner.spec.checking import load_file
from tests.conftest import Desk


class Bench:
    """A folder in which tables are written, specs trained and models asked."""

    def __init__(self, home: Path, context_for: Callable[..., TrainContext]) -> None:
        self.desk = Desk(home)
        self._context_for = context_for
        self._trained = 0

    def table(self, columns: Mapping[str, Sequence[Any]], name: str = "train.csv") -> Path:
        path = self.desk.home / name
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
        return path

    def spec(self, kind: str, data: Mapping[str, Any], **fields: Any) -> Path:
        document = {
            "model": {"name": "m", "spec": {"model_type": f"tabular_{kind}"} | fields},
            "data": {"target_columns": "y"} | data,
        }
        return self.desk.write("spec.json", document)

    def train(
        self,
        kind: str,
        data: Mapping[str, Any],
        name: str | None = None,
        stop: Callable[[], bool] | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """The builder's own training in this process: where the model is, its metrics and tables.

        A name used again is the same run, resumed; ``stop`` is asked whether to stop.
        """
        spec = load_file(self.spec(kind, data, **fields)).spec
        spec.data.check(self.desk.home)
        loaded = spec.data.load(LoadContext(spec.model.spec, self.desk.home, lambda *_, **__: None))
        self._trained += 1
        context = self._context_for(loaded, name or f"run-{self._trained}", stop_requested=stop)
        result = registry.load(f"tabular_{kind}").train(spec.model.spec, context)
        return {
            "model": f"tabular_{kind}/m",
            "path": str(context.artifact),
            "metrics": result.metrics,
            "tables": result.tables,
            "parameters": result.parameters,
        }

    def run(self, kind: str, data: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
        """What ``runner train --json`` prints."""
        done = self.desk("train", "--spec-file", self.spec(kind, data, **fields), "--executor", "local", "--json").ok()
        return json.loads(done.out)

    def predictor(self, document: Mapping[str, Any]) -> Any:
        """The stored model, loaded anew."""
        builder = registry.load(document["model"].partition("/")[0])
        return builder.Predictor.load(self.desk.home / document["path"])

    def ask(self, document: Mapping[str, Any], path: Path, size: int = 1000) -> Any:
        """What the stored model says of a file's rows, in batches of ``size``: answers, and the predictor."""
        predictor = self.predictor(document)
        rows = from_file(path)
        rows.check()
        return [predictor.predict(chunk, None, 128) for chunk in rows.chunks(size)], predictor


@pytest.fixture
def bench(tmp_path: Path, context_for: Callable[..., TrainContext]) -> Bench:
    return Bench(tmp_path, context_for)
