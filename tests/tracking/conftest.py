"""Two kinds of the tests' own, of tasks that no router has."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from runner import registry
from runner.contract import Measure, Section, Task

CLASSES = Task(
    "classes",
    "tests.tracking",
    (Measure("f1", "F1", "F1", interval=True), Measure("log_loss", "Log loss", "log loss", better="lower")),
    Section,
    held_out_noun="texts",
)
AMOUNTS = Task(
    "amounts",
    "tests.tracking",
    (Measure("mae", "Mean absolute error", "MAE", 1, "lower", interval=True), Measure("r2", "R2", "R2")),
    Section,
)


def registered(monkeypatch: pytest.MonkeyPatch, name: str, task: Task) -> str:
    """``name``, as a kind of ``task`` for one test."""
    module = ModuleType(f"tests_{name}")
    module.TASK, module.train = task, None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    kinds = registry.kinds() | {name: registry.Kind(name, "tests", module.__name__)}
    monkeypatch.setattr(registry, "kinds", lambda: kinds)
    return name


@pytest.fixture
def classifier(monkeypatch: pytest.MonkeyPatch) -> str:
    return registered(monkeypatch, "tests_own_classifier", CLASSES)


@pytest.fixture
def regressor(monkeypatch: pytest.MonkeyPatch) -> str:
    """Its measure is the better the lower."""
    return registered(monkeypatch, "tests_own_regressor", AMOUNTS)
