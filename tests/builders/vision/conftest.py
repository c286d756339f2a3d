"""Training on a few small pictures in this process, and asking the stored model."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner import registry
from runner.contract import LoadContext, LoadedData, TrainResult
from runner.spec.checking import load_object


class Studio:
    """What is trained here begins with the packaged tiny model; data are read once."""

    def __init__(self, context_for: Callable[..., Any], cache: Path) -> None:
        self._context_for, self._cache = context_for, cache
        self._loaded: dict[str, LoadedData] = {}
        self._count = 0

    def spec(self, kind: str, data: dict[str, Any] | None = None, **fields: Any) -> Any:
        document = {
            "model": {
                "name": "m",
                "spec": {
                    "model_type": kind,
                    "base_model_name": "runner/tiny-vit",
                    "optimizer": {"optimizer_type": "adamw", "learning_rate": 0.003},
                }
                | fields,
            },
            "data": {"dataset": "sample", "max_samples": 24} | (data or {}),
        }
        return load_object(document).spec

    def loaded(self, spec: Any) -> LoadedData:
        name = repr(spec.data)
        if name not in self._loaded:
            context = LoadContext(spec.model.spec, self._cache, lambda *_, **__: None)
            self._loaded[name] = spec.data.load(context)
        return self._loaded[name]

    def train(
        self, kind: str, data: dict[str, Any] | None = None, *, run: str | None = None, **fields: Any
    ) -> tuple[TrainResult, Path]:
        """The builder's own training: its result, and the folder of the model. ``run`` names one that goes on."""
        self._count += 1
        beside = {name: fields.pop(name) for name in ("epochs", "batch_size", "stop_requested") if name in fields}
        spec = self.spec(kind, data, **fields)
        words = {"epochs": 2, "batch_size": 8} | beside
        seed = spec.model.spec.seed
        context = self._context_for(self.loaded(spec), run or f"run-{self._count}", seed=seed, **words)
        context = replace(context, cache=self._cache)
        return registry.load(kind).train(spec.model.spec, context), context.artifact

    def answers(self, kind: str, folder: Path, pictures: Path) -> np.ndarray:
        """What a stored model says of a folder of pictures, loaded anew."""
        from runner.data.images.infer_rows import from_file

        rows = from_file(pictures)
        predictor = registry.load(kind).Predictor.load(folder, cache=self._cache)
        found = [predictor.predict(chunk, None, 3) for chunk in rows.chunks(rows.count)] if not rows.check() else []
        return np.asarray(next(iter(found[0].values())))


@pytest.fixture(scope="session")
def pictures_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tiny model is made and the sample's pictures are unpacked: once, whichever tests look at them."""
    return tmp_path_factory.mktemp("pictures-cache")


@pytest.fixture
def studio(context_for: Callable[..., Any], pictures_cache: Path) -> Studio:
    return Studio(context_for, pictures_cache)


@pytest.fixture
def weights() -> Callable[[Path], dict[str, np.ndarray]]:
    """The tensors that a training has stored, by name."""

    def read(folder: Path) -> dict[str, np.ndarray]:
        from safetensors.numpy import load_file

        (path,) = folder.glob("*.safetensors")
        return copy.deepcopy(load_file(path))

    return read
