"""What comparing needs of a model, whatever its task, and cells that every comparison's table has.

A task's room ``comparing`` has ``bench(models, data, seed, say)``, which measures stored models on what the data holds
out and gives a JSON-able document with at least ``held_out`` and ``table``, the best model first. Its room
``comparing_words`` says how that reads: ``HEADER``, ``METRIC``, ``cells(row)``, ``held_out(found)``, ``LEGEND``,
``sections(found)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from runner.errors import RunnerError
from runner.pages.numbers import duration, finite, number

Answer = TypeVar("Answer")


class Compared(Protocol):
    """A stored model of a comparison."""

    @property
    def label(self) -> str: ...
    @property
    def metrics(self) -> Mapping[str, object]:
        """Those of its training."""

    @property
    def tables(self) -> Mapping[str, Any]:
        """Those of its training."""

    @property
    def path(self) -> Path:
        """Its folder."""

    def ask(self, question: Callable[[Any], Answer]) -> Answer:
        """What ``question(predictor)`` gives. The predictor is loaded for it and let go with it: of many models one is
        in memory at a time. Raises what opening raises.
        """

    def parameter(self, name: str) -> float | None:
        """A calibrated parameter, None where it has none of that name."""

    def fail(self, error: RunnerError) -> None:
        """It cannot be measured: the others go on."""

    def as_dict(self) -> dict[str, Any]:
        """What is known of it whatever its task."""


def interval(row: Mapping[str, Any], name: str) -> str:
    """``0.851 to 0.896``"""
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    return "-" if finite(low) is None or finite(high) is None else f"{number(low, 3)} to {number(high, 3)}"


def gap(row: Mapping[str, Any]) -> str:
    """``best``, ``-0.012 ~`` where the two may as well be equal, ``-0.080``."""
    if row.get("best"):
        return "best"
    versus = row.get("versus_best")
    return "-" if not versus else f"{versus['value']:+z.3f} {'~' if row.get('tied_with_best') else ' '}"


def fit(row: Mapping[str, Any]) -> str:
    """How long it trained."""
    return duration(row.get("fit_seconds"))


def size(count: Any) -> str:
    """``86.7 MiB``, ``1.2 KiB``"""
    known = finite(count)
    if known is None:
        return "-"
    return f"{known / 2**20:.1f} MiB" if known >= 2**20 * 0.1 else f"{known / 2**10:.1f} KiB"
