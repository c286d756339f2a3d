"""The fits of one run, in their order: each is told of, stopped, and gone on with by checkpoints of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from runner.builders.tabular._fitting.stored_table import threads
from runner.builders.tabular._learners import Learner, make_learner
from runner.contract import TrainContext


class Fits:
    """Makes and fits learners. The number of a fit hangs on the spec and the data alone, so that a resume finds it."""

    def __init__(self, context: TrainContext, task: Any, categorical: list[int]) -> None:
        self._context, self._task, self._categorical = context, task, categorical
        self._number = 0

    def fit(
        self,
        what: str,
        name: str,
        parameters: Mapping[str, Any],
        n_classes: int | None,
        inputs: np.ndarray,
        targets: np.ndarray,
        weights: np.ndarray | None = None,
        validation: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> Learner:
        """A fitted learner. ``what`` is said while it goes on. Raises :class:`Stopped` after saving a checkpoint."""
        context = self._context
        self._number += 1
        stage = context.checkpoints.stage(f"fit_{self._number:04d}")
        learner = make_learner(name, parameters, self._task, n_classes, context.seed, context.device, threads())
        learner.fit(
            inputs,
            targets,
            weights=weights,
            categorical=self._categorical,
            validation=validation,
            on_progress=lambda done, total, unit, metrics: context.emit(
                "progress", phase=what, unit=unit, done=done, total=total, metrics=dict(metrics)
            ),
            stop=context.stop_requested,
            resume=stage.latest(),
            checkpoint=lambda tensors, state: stage.save(int(state["done"]), tensors, state),
            on_early_stop=lambda fields: context.emit("stopped_early", phase=what, **fields),
        )
        return learner
