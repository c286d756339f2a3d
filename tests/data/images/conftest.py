"""Small pictures in every form that data come in, and a way to load them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from runner.contract import LoadContext, LoadedData
from runner.data.images.section import ClassImages, NumberImages
from runner.spec.kinds import spec_class


def picture(colour: Any = (200, 30, 30), size: tuple[int, int] = (8, 6), mode: str = "RGB", form: str = "PNG") -> bytes:
    """The bytes of a picture of one colour."""
    file = io.BytesIO()
    Image.new(mode, size, colour).save(file, form)
    return file.getvalue()


def classes(folder: Path, count: int = 3, names: tuple[str, ...] = ("cat", "dog")) -> Path:
    """A folder for each class with so many pictures, all of them different."""
    for number, name in enumerate(names):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for at in range(count):
            (folder / name / f"{at}.png").write_bytes(picture((10 + 20 * at, 90 * number, 7)))
    return folder


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., LoadedData]:
    """Load a path as training would: ``load(path, numbers=False, **fields)``."""

    def loaded(path: Path | str, *, numbers: bool = False, **fields: Any) -> LoadedData:
        section = (NumberImages if numbers else ClassImages).model_validate({"dataset": str(path)} | fields)
        section.check(tmp_path)
        kind = spec_class("image_regression" if numbers else "image_classification")
        return section.load(LoadContext(kind.model_construct(), tmp_path / "cache", lambda *_, **__: None))

    return loaded
