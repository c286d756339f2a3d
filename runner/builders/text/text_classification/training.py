"""Training of classes and labels from texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from runner.builders._finetuning.supervised_heads import class_loss
from runner.builders.text._labelled.target_heads import Targets, class_weights, label_loss
from runner.builders.text._labelled.text_training import Learned, Told, kept_targets, train_texts, worst_errors
from runner.builders.text._labelled.word_counts import NAME, linear_answers
from runner.contract import Table, TrainContext, TrainResult
from runner.data import holdout
from runner.data.labelled_texts.labelled_side import LabelledSide
from runner.errors import DataError
from runner.tasks._supervised.measured_baselines import Baselines
from runner.tasks._supervised.target_metrics import over_targets
from runner.tasks.classification import TASK
from runner.tasks.classification.baselines import baselines
from runner.tasks.classification.decisions import choose_threshold, decide
from runner.tasks.classification.measuring import judge, measure_classification
from runner.tasks.classification.point_metrics import point_metrics

#: The share of the training rows that choose a threshold.
CHOOSING = 0.1
Outputs = Mapping[str, np.ndarray]


def train(spec: Any, context: TrainContext) -> TrainResult:
    """Learn classes or labels, measured beside the class frequencies on the held-out rows."""
    every: LabelledSide = context.data.train
    targets = kept_targets(context, every)
    two = _of_two(targets)
    learns, chooses = parts_of(spec, every, targets, context.seed)
    weights = class_weights(spec.class_weights, targets, learns)
    wanted = targets.matrix(learns)
    held: LabelledSide = context.data.validation
    table = torch.from_numpy(weights.astype(np.float32)).to(context.device)

    def loss(logits: torch.Tensor, some: np.ndarray) -> torch.Tensor:
        own = torch.from_numpy(wanted[some]).to(context.device)
        if targets.many:
            return label_loss(logits, own.float(), table, spec.label_smoothing)
        return class_loss(logits, own[:, 0], table, spec.label_smoothing)

    def figures(answers: Outputs) -> dict[str, float | None]:
        judged = judge(answers, held.targets, None)
        found = over_targets({one.target: point_metrics(one) for one in judged})
        return {name: found[name] for name in spec.measures}

    def told(answers: Outputs, answered: Callable[[LabelledSide], Outputs]) -> Told:
        thresholds = dict.fromkeys(two, spec.threshold) if isinstance(spec.threshold, float) else {}
        if chooses is not None:
            said = answered(chooses)
            thresholds = {name: choose_threshold(said[name], chooses.targets[name]) for name in two}
        thresholds = {name: value for name, value in thresholds.items() if value != 0.5}
        classes = {name: tuple(own) for name, own in targets.classes.items()}
        metrics, tables = measure_classification(
            classes,
            answers,
            held.targets,
            seed=context.seed,
            groups=held.groups,
            thresholds=thresholds,
            baselines=_baselines(targets, learns, held, context.seed) if len(held) else None,
        )
        if len(held):
            tables.append(_worst(targets, held, answers, thresholds))
        alone = len(classes) == 1
        parameters = {"threshold" if alone else f"threshold/{name}": value for name, value in thresholds.items()}
        return Told(dict(metrics), tables, parameters, {"thresholds": thresholds} if thresholds else {})

    mass = None if targets.many else weights[wanted[:, 0]]
    return train_texts(spec, context, learns, targets, Learned(TASK, loss, mass, figures, told))


def parts_of(spec: Any, every: LabelledSide, targets: Targets, seed: int) -> tuple[LabelledSide, LabelledSide | None]:
    """The rows that are learned, and those that choose a threshold, if any do.

    Raises :class:`DataError` for a threshold that decides nothing, and for too few rows to choose one.
    """
    if spec.threshold != 0.5 and not _of_two(targets):
        raise DataError(
            f"a threshold of {spec.threshold} decides between two classes, and there are {len(targets.names)}",
            where="/model/spec/threshold",
            hint="leave it out: a row is of its most probable class",
        )
    return _apart(every, targets, seed) if spec.threshold == "f1" else (every, None)


def _of_two(targets: Targets) -> list[str]:
    """The targets with two classes."""
    return [name for name, own in targets.classes.items() if len(own) == 2]


def _apart(side: LabelledSide, targets: Targets, seed: int) -> tuple[LabelledSide, LabelledSide]:
    """The rows that are learned, and those that choose a threshold, by their content."""
    strata = None if targets.many else next(iter(side.targets.values()))
    try:
        mask = holdout.by_share(side.keys, CHOOSING, seed, strata).mask
    except ValueError:
        raise DataError(
            f"{len(side)} rows of training are too few to choose a threshold on a tenth of them",
            where="/model/spec/threshold",
            hint="name a threshold, or use more data",
        ) from None
    return side.take(~mask), side.take(mask)


def _baselines(targets: Targets, learns: LabelledSide, held: LabelledSide, seed: int) -> Baselines:
    said = linear_answers(learns, held, targets)
    more = {} if said is None else {NAME: said}
    return baselines(targets.classes, learns.targets, held.targets, seed=seed, groups=held.groups, more=more)


def _worst(targets: Targets, held: LabelledSide, answers: Outputs, thresholds: Mapping[str, float]) -> Table:
    """The held-out texts of which the true class had the least probability."""
    rows = np.arange(len(held))
    losses = np.zeros(len(held))
    decided = {name: decide(said, thresholds.get(name)) for name, said in answers.items()}
    for name, said in answers.items():
        actual = held.targets[name]
        right = np.where(actual >= 0, said[rows, np.maximum(actual, 0)], 0.0)
        # A row that is decided rightly is no error.
        losses += np.where(decided[name] == actual, 0.0, -np.log(np.maximum(right, 1e-12)))

    def cells(at: int) -> list[Any]:
        if targets.many:
            return [
                ", ".join(name for name in answers if held.targets[name][at] == 1),
                ", ".join(name for name in answers if decided[name][at] == 1),
            ]
        name, own = next(iter(targets.classes.items()))
        actual = int(held.targets[name][at])
        said = answers[name][at]
        return [
            own[actual] if actual >= 0 else "a class that training does not have",
            own[int(decided[name][at])],
            round(float(said[decided[name][at]]), 3),
            round(float(said[actual]), 3) if actual >= 0 else None,
        ]

    columns = ["has", "decided"] if targets.many else ["is", "decided", "with", "probability of what it is"]
    return worst_errors(held, losses, columns, cells)
