"""A training in the benchmark's own process, that nobody is told of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runner.contract import LoadedData, TrainContext
from runner.runs.checkpoints import RunCheckpoints


def silent(event: str, **fields: Any) -> None:
    """Takes an event and tells nobody."""


def silent_context(
    folder: Path, data: LoadedData, *, epochs: int, batch_size: int, seed: int, cache: Path
) -> TrainContext:
    """What a training on the CPU is given; its model goes to ``artifact`` in ``folder``, which is made here."""
    artifact = folder / "artifact"
    artifact.mkdir(parents=True)
    return TrainContext(
        data=data,
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
        device="cpu",
        print_every=1,
        emit=silent,
        checkpoints=RunCheckpoints(folder / "checkpoints", silent),
        stop_requested=lambda: False,
        artifact=artifact,
        start_from=None,
        cache=cache,
    )
