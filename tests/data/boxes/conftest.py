"""Small pictures with annotations of every kind, and loading them as a spec's data section does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from runner.contract import LoadContext, LoadedData, ModelSpec
from runner.data.boxes.section import BoxesData


def load(path: object, held: bool = False, **fields: Any) -> LoadedData:
    """A data set's two splits and its report; nothing is held out unless ``held``, as the fields or folders say."""
    given = {} if held else {"validation_split": 0}
    section = BoxesData(dataset=str(path), **given, **fields)
    section.check(Path.cwd())
    context = LoadContext(ModelSpec(model_type="boxes"), Path("cache"), lambda *_, **__: None)
    return section.load(context)


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes pictures of 40 times 30 pixels, each of another grey, and texts beside them."""

    def write(pictures: list[str], **texts: str) -> Path:
        for at, name in enumerate(pictures):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40, 30), (at * 7 % 250,) * 3).save(path)
        for name, text in texts.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        return tmp_path

    return write


def lines(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)
