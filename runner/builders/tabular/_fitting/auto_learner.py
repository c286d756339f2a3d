"""The learner of one target by a search, where the spec says ``auto``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from runner.builders.tabular._fields.learner_sections import Auto
from runner.builders.tabular._fitting.stored_table import threads
from runner.contract import Table, TrainContext

if TYPE_CHECKING:
    from runner.builders.tabular._fitting.class_measuring import ClassMeasuring
    from runner.builders.tabular._fitting.number_measuring import NumberMeasuring
    from runner.data.table_rows.table_side import TableSplit


def choose(
    section: Auto,
    context: TrainContext,
    measuring: ClassMeasuring | NumberMeasuring,
    train: TableSplit,
    matrix: np.ndarray,
    target: str,
    pairs: list[tuple[np.ndarray, np.ndarray]],
) -> tuple[str, dict[str, Any], list[Table]]:
    """The best learner's name and parameters, its length included, and the tables of the search."""
    from runner.builders.tabular._learners.search import search

    number = list(train.targets).index(target)
    stage = context.checkpoints.stage(f"search_{number:04d}")
    values = train.targets[target]
    found = search(
        matrix,
        values,
        task=measuring.task,
        n_classes=measuring.n_classes(target),
        folds=pairs,
        categorical=train.columns.categorical,
        weights=measuring.weights(target, values),
        groups=train.groups,
        candidates=section.candidates,
        trials=section.trials,
        time_limit=section.time_limit,
        seed=context.seed,
        threads=threads(),
        device=context.device,
        on_progress=lambda done, total, unit, metrics: context.emit(
            "progress", phase=f"search: {target}", unit=unit, done=done, total=total, metrics=dict(metrics)
        ),
        stop=context.stop_requested,
        resume=stage.latest(),
        checkpoint=lambda tensors, state: stage.save(int(state["done"]), tensors, state),
    )
    tables = [found.leaderboard, found.trials]
    if len(train.targets) > 1:
        tables = [replace(t, name=f"{t.name}/{target}", title=f"{t.title} of {target}") for t in tables]
    if found.ended_by == "time":
        context.emit(
            "warning",
            message=f"the search of {target!r} was ended by its time limit: the same spec may give another model",
            pointer="/model/spec/learner/time_limit",
        )
    return found.name, found.params, tables
