"""How a fit is followed: told of, stopped between its units, saved, and gone on with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.contract import Checkpoint
from runner.errors import Stopped
from runner.training.throttling import Every

#: Seconds between two checkpoints: a unit may take milliseconds.
CHECKPOINT_SECONDS = 3.0

#: ``on_progress(done, total, unit, metrics)``: of 300 ``rounds``, 17 are done, and the loss is so much.
OnProgress = Callable[[int, int, str, Mapping[str, float | None]], None]
#: ``checkpoint(tensors, state)``: ``state["done"]`` counts finished units, the step of the checkpoint.
SaveCheckpoint = Callable[[Mapping[str, Any], dict[str, Any]], None]
#: ``on_early_stop(fields)``: the fields of the event ``stopped_early``.
OnEarlyStop = Callable[[dict[str, Any]], None]
Snapshot = Callable[[], tuple[Mapping[str, Any], dict[str, Any]]]


def _tell_nobody(done: int, total: int, unit: str, metrics: Mapping[str, float | None]) -> None:
    pass


def _end_quietly(fields: dict[str, Any]) -> None:
    pass


def _save_nothing(tensors: Mapping[str, Any], state: dict[str, Any]) -> None:
    pass


@dataclass
class Course:
    """The callbacks of one fit. ``resume`` is the checkpoint to go on from, with ``tensors`` and ``state``."""

    on_progress: OnProgress = _tell_nobody
    stop: Callable[[], bool] = bool
    checkpoint: SaveCheckpoint = _save_nothing
    resume: Checkpoint | None = None
    on_early_stop: OnEarlyStop = _end_quietly
    _due: Every = field(default_factory=lambda: Every(CHECKPOINT_SECONDS))

    @classmethod
    def of(
        cls,
        on_progress: OnProgress | None,
        stop: Callable[[], bool] | None,
        resume: Checkpoint | None,
        checkpoint: SaveCheckpoint | None,
        on_early_stop: OnEarlyStop | None = None,
    ) -> Course:
        """The same with callbacks that may be left out."""
        return cls(
            on_progress or _tell_nobody,
            stop or bool,
            checkpoint or _save_nothing,
            resume,
            on_early_stop or _end_quietly,
        )

    def stop_here(self, done: int, snapshot: Snapshot) -> None:
        """Between two units: save and raise :class:`Stopped` if that was asked for, else do nothing."""
        if self.stop():
            self.save(done, snapshot)
            raise Stopped(f"stopped after {done}, checkpoint saved")

    def save_sometimes(self, done: int, snapshot: Snapshot, *, last: bool) -> None:
        """After a unit: save, if it is time again or this was the last one."""
        if last or self._due.due():
            self.save(done, snapshot)

    def save(self, done: int, snapshot: Snapshot) -> None:
        """Hand over what there is now."""
        tensors, state = snapshot()
        self.checkpoint(tensors, state | {"done": done})
