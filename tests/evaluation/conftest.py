"""Comparisons made for a test, and models that answer as they are told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.data.comparisons import Comparisons
from runner.tasks.ranking.asking import Asked
from tests.conftest import Desk
from tests.evaluation.task_documents import furnish


def comparisons(
    rows: Sequence[tuple[int, int, int, int]],
    models: Sequence[str],
    prompts: int,
    groups: Sequence[str] = (),
    tags: dict[str, np.ndarray] | None = None,
    histories: Sequence[tuple[str, ...]] = (),
) -> Comparisons:
    """``rows`` are (prompt, LLM a, LLM b, winner)."""
    table = np.array(rows, np.int64).reshape(-1, 4)
    return Comparisons(
        models=tuple(models),
        prompts=tuple(f"prompt {at} " + "x" * at for at in range(prompts)),
        histories=tuple(histories) or ((),) * prompts,
        prompt=table[:, 0].astype(np.int32),
        model_a=table[:, 1].astype(np.int32),
        model_b=table[:, 2].astype(np.int32),
        winner=table[:, 3].astype(np.int8),
        responses_a=tuple(f"a {at}" for at in range(len(table))),
        responses_b=tuple(f"b {at}" for at in range(len(table))),
        tags=tags or {},
        groups=tuple(groups) or ("",) * prompts,
    )


def some(n: int, seed: int = 0, models: int = 4, prompts: int = 12, **more: Any) -> Comparisons:
    """``n`` random comparisons of every outcome."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(n):
        a, b = rng.choice(models, 2, replace=False)
        rows.append((int(rng.integers(prompts)), int(a), int(b), int(rng.integers(4))))
    return comparisons(rows, [f"m{at}" for at in range(models)], prompts, **more)


def answer(data: Comparisons, seed: int, reads: bool = True) -> Asked:
    """A model with random scores for every LLM, and every prompt where it reads them."""
    prompts = np.unique(data.prompt)
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(len(data.models), len(prompts) if reads else 1))
    return Asked(np.repeat(table, 1 if reads else len(prompts), axis=1), prompts, data.models, 0.5)


class Made:
    """The makers above, as a fixture: modules of tests do not import one another."""

    comparisons, some, answer = staticmethod(comparisons), staticmethod(some), staticmethod(answer)


@pytest.fixture(scope="session")
def made() -> type[Made]:
    return Made


@pytest.fixture
def bench(talking: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Path, list[Path]]]:
    """A folder with stored models, rows and task files, which is the current one."""
    monkeypatch.chdir(tmp_path)

    def make(*documents: dict[str, Any], lines: Any = None) -> tuple[Path, list[Path]]:
        return tmp_path, furnish(tmp_path, talking.home / "models", documents, lines)

    return make
