"""Loading rows of texts as a kind's data section does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner import registry
from runner.contract import LoadContext, LoadedData


@pytest.fixture
def load(tmp_path: Path):
    """``load(rows_or_text, kind="text_classification", name="train.csv", **data)``: rows are written as JSON Lines."""

    def loading(content: Any, kind: str = "text_classification", name: str = "", **fields: Any) -> LoadedData:
        text = content if isinstance(content, str | bytes) else "".join(json.dumps(row) + "\n" for row in content)
        path = tmp_path / (name or ("train.csv" if isinstance(content, str | bytes) else "train.jsonl"))
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        spec = registry.load(kind).Spec.model_validate({"model_type": kind, "base_model_name": "runner/tiny-bert"})
        section = type(spec).data.model_validate({"dataset": str(path)} | fields)
        return section.load(LoadContext(spec, tmp_path, lambda *_, **__: None))

    return loading
