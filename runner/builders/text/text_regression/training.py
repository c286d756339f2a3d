"""Training of numbers from texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from runner.builders._finetuning.supervised_heads import number_loss
from runner.builders.text._labelled.text_training import Learned, Told, kept_targets, train_texts, worst_errors
from runner.builders.text._labelled.word_counts import NAME, linear_answers
from runner.contract import TrainContext, TrainResult
from runner.data.labelled_texts.labelled_side import LabelledSide
from runner.statistics.paired_bootstrap import known
from runner.tasks._supervised.measured_baselines import Baselines
from runner.tasks.regression import TASK
from runner.tasks.regression.baselines import baselines
from runner.tasks.regression.measuring import measure_regression, point_figures

Outputs = Mapping[str, np.ndarray]


def train(spec: Any, context: TrainContext) -> TrainResult:
    """Learn numbers, measured beside the mean and the median on the held-out rows."""
    learns: LabelledSide = context.data.train
    held: LabelledSide = context.data.validation
    targets = kept_targets(context, learns)
    wanted = targets.matrix(learns)

    def loss(logits: torch.Tensor, some: np.ndarray) -> torch.Tensor:
        return number_loss(logits, torch.from_numpy(wanted[some]).float().to(context.device), spec.loss)

    def figures(answers: Outputs) -> dict[str, float | None]:
        found = point_figures(answers, held.targets)
        return {name: found[name] for name in spec.measures}

    def beside() -> Baselines:
        said = linear_answers(learns, held, targets)
        more = {} if said is None else {NAME: said}
        return baselines(learns.targets, held.targets, seed=context.seed, groups=held.groups, more=more)

    def told(answers: Outputs, answered: Callable[[LabelledSide], Outputs]) -> Told:
        metrics, tables = measure_regression(
            answers,
            held.targets,
            seed=context.seed,
            groups=held.groups,
            ids=held.lines.tolist(),
            baselines=beside() if len(held) else None,
        )
        if len(held):
            scaled = np.stack(
                [np.abs(answers[name] - held.targets[name]) / scale for name, (_, scale) in targets.scales.items()]
            )

            def cells(at: int) -> list[Any]:
                return [known(float(part[name][at])) for name in targets.scales for part in (held.targets, answers)]

            alone = len(targets.scales) == 1
            columns = [word if alone else f"{name}: {word}" for name in targets.scales for word in ("is", "predicted")]
            tables.append(worst_errors(held, scaled.mean(axis=0), columns, cells))
        return Told(dict(metrics), tables, {}, {})

    return train_texts(spec, context, learns, targets, Learned(TASK, loss, None, figures, told))
