"""What a training will take of a machine, told before it runs by a kind that can: its ``estimate``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.contract.layouts import LoadedData
from runner.contract.measures import Table


@dataclass
class FootprintContext:
    """What an estimate may know: what a training will be given, without a run to write to."""

    #: None where the rows are not on this machine yet.
    data: LoadedData | None
    epochs: int
    batch_size: int
    seed: int
    #: ``cpu`` or ``cuda``: what the run would take here.
    device: str
    start_from: Path | None
    cache: Path
    emit: Callable[..., None]
    stored: Mapping[str, Path] = field(default_factory=dict)
    #: Processes that train together, each of which holds the model: what is told is of one of them.
    processes: int = 1
    #: Examples that go through the model at a time, where they are not ``batch_size``.
    at_once: int | None = None


@dataclass(frozen=True)
class Footprint:
    """An estimate. Its tables are printed; its figures are what a program reads."""

    #: JSON-able, sizes in bytes.
    figures: Mapping[str, Any]
    tables: Sequence[Table] = ()
    #: Bytes that the training's own process holds at its peak, on the device; None where they cannot be told.
    memory: int | None = None
    #: Sentences: what is counted, what is not, and what could not be told.
    notes: Sequence[str] = ()
    #: What takes less memory, most effective first: said where the machine has not enough.
    savings: Sequence[str] = ()

    def as_dict(self) -> dict[str, Any]:
        """The estimate as ``train --dry-run --json`` has it."""
        return {
            "memory": self.memory,
            "figures": dict(self.figures),
            "tables": [table.as_dict() for table in self.tables],
            "notes": list(self.notes),
            "savings": list(self.savings),
        }
