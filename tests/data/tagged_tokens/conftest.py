"""Files of tagged tokens, made for a test and loaded as a spec's data section does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from runner.contract import DataReport, LoadContext, LoadedData, ModelSpec
from runner.data.tagged_tokens.section import TaggedTokensData


def load_file(path: Path | str, report: DataReport | None = None, **fields: Any) -> LoadedData:
    """A file's two splits, with ``report`` filled in where it is refused too."""
    section = TaggedTokensData.model_validate({"dataset": str(path), "validation_split": 0.0, **fields})
    section.check(Path.cwd())
    context = LoadContext(ModelSpec(model_type="token_classification"), Path("cache"), lambda *_, **__: None)
    if report is not None:
        context = LoadContext(context.spec, context.cache, context.emit, report)
    return section.load(context)


def tags(loaded: LoadedData) -> list[list[str]]:
    return [list(row.tags) for row in loaded.train.rows]


def tokens(loaded: LoadedData) -> list[list[str]]:
    return [list(row.tokens) for row in loaded.train.rows]


@pytest.fixture
def lines(tmp_path: Path) -> Callable[..., Path]:
    """Writes rows as a JSON Lines file."""

    def write(*rows: Mapping[str, Any], name: str = "rows.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), encoding="utf-8")
        return path

    return write
