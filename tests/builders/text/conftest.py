"""Few rows of texts, and a training on them in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner import registry
from runner.contract import LoadContext, LoadedData, TrainResult
from runner.training import made_models

#: A rate at which few steps show.
RATE = {"optimizer_type": "adamw", "learning_rate": 0.003}


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny encoder's folder."""
    folder = made_models.made("runner/tiny-bert", tmp_path_factory.mktemp("encoder"))
    assert folder is not None
    return folder


@pytest.fixture
def fitted(encoder: Path, tmp_path: Path, context_for: Callable[..., Any]) -> Callable[..., Any]:
    """``fitted(kind, epochs=1, batch_size=16, data={...}, **fields)``: the result, the model's folder, the context."""
    runs = 0

    def fit(
        kind: str = "text_classification",
        epochs: int = 1,
        batch_size: int = 16,
        data: dict[str, Any] | None = None,
        start_from: Path | None = None,
        **fields: Any,
    ) -> tuple[TrainResult, Path, Any]:
        nonlocal runs
        runs += 1
        builder = registry.load(kind)
        document = {"model_type": kind, "base_model_name": str(encoder), "optimizer": RATE, "schedule": None} | fields
        spec = builder.Spec.model_validate(document)
        section = type(spec).data.model_validate({"dataset": "sample", "max_samples": 48} | (data or {}))
        loaded: LoadedData = section.load(LoadContext(spec, tmp_path, lambda *_, **__: None))
        context = context_for(
            loaded, f"run-{runs}", epochs=epochs, batch_size=batch_size, seed=spec.seed, start_from=start_from
        )
        return builder.train(spec, context), context.artifact, context

    return fit
