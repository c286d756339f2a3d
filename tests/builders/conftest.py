"""A small synthetic data set with known strengths, and a TrainContext to call a builder's `train` with."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from runner.contract import LoadedData, TrainContext
from runner.contract.foreign_code import CodeRunner
from runner.data.comparisons import BOTH_BAD, TIE, A, B, Comparisons
from runner.runs.checkpoints import RunCheckpoints


def synthetic(n: int = 1500, n_models: int = 6, seed: int = 0, per_prompt: int = 3) -> Comparisons:
    """`n` comparisons among LLMs of strengths -1 ... 1 (the last is the best), `per_prompt` of each prompt."""
    rng = np.random.default_rng(seed)
    strength = np.linspace(-1.0, 1.0, n_models)
    a = rng.integers(n_models, size=n)
    b = (a + rng.integers(1, n_models, size=n)) % n_models
    p = 1 / (1 + np.exp(strength[b] - strength[a]))
    winner = np.where(rng.random(n) < p, A, B)
    tied = rng.random(n) < 0.25
    winner = np.where(tied, np.where(rng.random(n) < 0.5, TIE, BOTH_BAD), winner)
    prompts = tuple(f"prompt {number}" for number in range(-(-n // per_prompt)))
    return Comparisons(
        models=tuple(f"llm-{number}" for number in range(n_models)),
        prompts=prompts,
        histories=((),) * len(prompts),
        prompt=(np.arange(n) // per_prompt).astype(np.int32),
        model_a=a.astype(np.int32),
        model_b=b.astype(np.int32),
        winner=winner.astype(np.int8),
        responses_a=("yes",) * n,
        responses_b=("no",) * n,
        tags={},
        groups=("",) * len(prompts),
    )


def outcomes(*rows: tuple[str, str, int], models: tuple[str, ...] = ()) -> Comparisons:
    """Comparisons written out: (a, b, winner), a prompt each."""
    names = models or tuple(sorted({name for a, b, _ in rows for name in (a, b)}))
    return Comparisons(
        models=names,
        prompts=tuple(f"prompt {number}" for number in range(len(rows))),
        histories=((),) * len(rows),
        prompt=np.arange(len(rows), dtype=np.int32),
        model_a=np.array([names.index(a) for a, _, _ in rows], np.int32),
        model_b=np.array([names.index(b) for _, b, _ in rows], np.int32),
        winner=np.array([w for _, _, w in rows], np.int8),
        responses_a=("yes",) * len(rows),
        responses_b=("no",) * len(rows),
        tags={},
        groups=("",) * len(rows),
    )


def split(comparisons: Comparisons, share: float = 0.2) -> LoadedData:
    """The last `share` of the rows held out."""
    cut = round(len(comparisons) * (1 - share))
    rows = np.arange(len(comparisons))
    return LoadedData(comparisons.take(rows[:cut]), comparisons.take(rows[cut:]), "0" * 64, {})


class Emitted(list):
    """The events of a run, in order: dicts with `event`."""

    def __call__(self, event: str, **fields: Any) -> None:
        self.append({"event": event, **fields})

    def of(self, event: str) -> list[dict[str, Any]]:
        return [record for record in self if record["event"] == event]


@pytest.fixture
def context_for(tmp_path: Path) -> Callable[..., TrainContext]:
    """Make a TrainContext: `context_for(data, name="a", epochs=3, ...)`. A name used again is the same run, resumed."""

    def make(
        data: LoadedData,
        name: str = "run",
        epochs: int = 3,
        batch_size: int = 32,
        seed: int = 42,
        device: str = "cpu",
        start_from: Path | None = None,
        stop_requested: Callable[[], bool] | None = None,
        at_once: int | None = None,
        code: CodeRunner | None = None,
    ) -> TrainContext:
        folder = tmp_path / name
        artifact = folder / "artifact"
        artifact.mkdir(parents=True, exist_ok=True)
        for left in artifact.iterdir():
            left.unlink()
        emitted = Emitted()
        return TrainContext(
            data=data,
            epochs=epochs,
            batch_size=batch_size,
            seed=seed,
            device=device,
            print_every=1,
            emit=emitted,
            checkpoints=RunCheckpoints(folder / "checkpoints", emitted),
            stop_requested=stop_requested or threading.Event().is_set,
            artifact=artifact,
            start_from=start_from,
            at_once=at_once,
            code=code,
            cache=tmp_path / "cache",
        )

    return make


@pytest.fixture
def comparisons() -> Comparisons:
    return synthetic()


@pytest.fixture
def data(comparisons: Comparisons) -> LoadedData:
    return split(comparisons)


@pytest.fixture
def toolbox() -> SimpleNamespace:
    """The functions above, for tests that need data of their own."""
    return SimpleNamespace(synthetic=synthetic, outcomes=outcomes, split=split)
