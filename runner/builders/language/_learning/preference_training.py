"""The training of kinds that learn from preferences: the reference judged, the loop, what is measured and stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from runner.builders._finetuning.nothing_learned import Start, need_numbers
from runner.builders.language._learning.asked_tasks import AskedTasks
from runner.builders.language._learning.compute_context import Machine
from runner.builders.language._learning.language_trainee import trainee
from runner.builders.language._learning.likelihood_loss import Judged, judge
from runner.builders.language._learning.log_probs import Noise
from runner.builders.language._learning.preference_objectives import Objective
from runner.builders.language._models import model_card, stored_model
from runner.builders.language._models.base_model import Trained
from runner.builders.language._rows import row_report
from runner.builders.language._rows.rendering import Side
from runner.contract import Table, TrainContext, TrainResult
from runner.statistics.loss_intervals import loss_ends
from runner.statistics.paired_bootstrap import Resampled, resample
from runner.tasks.against_baselines import against_best
from runner.tasks.generation import TASK
from runner.training.loop import fit

MEASURES = ("loss", "reward_accuracy", "reward_margin")
#: An objective over one side's rows, given what the reference makes of them.
Making = Callable[[Judged], Objective]


def learn(
    spec: Any,
    context: TrainContext,
    load: Callable[[], Trained],
    sides: tuple[Side, Side],
    make: tuple[Making, Making],
    document: dict[str, Any],
) -> TrainResult:
    """Train on the first side, measure on the second, and store. The model as it is loaded is the reference.

    ``make`` has the objective of either side. ``document`` is what the model keeps. The model is loaded once it is
    known that the rows train something.
    """
    row_report.tell([side.report for side in sides], context.emit, context.data.most_lost)
    asked = AskedTasks.read(spec, context, document)
    trained = load()
    trained.check_tokens(*(side.rows.tokens for side in sides))

    def judged(side: Side) -> Judged:
        model, padding = trained.model, trained.padding
        found = judge(model, side.rows, padding, context.device, context.stop_requested, context.processes)
        return found.added(side.by_answer)

    before, start = judged(sides[1]), Start.of(trained.model, context.processes)
    tasks_before = asked.of(trained.model, trained.tokenizer)
    learned, held = make[0](judged(sides[0])), make[1](before)
    if spec.neftune_noise_alpha is not None:
        Noise(trained.model, spec.neftune_noise_alpha)
    machine = Machine.of(spec, context, trained)
    task = trainee(
        spec,
        context,
        trained,
        machine,
        learned.parts(machine),
        lambda: held.measured(judged(sides[1]))[0],
        learned.lengths(),
        learned.trained_tokens(),
        asked,
    )
    fitted = fit(task, context)
    start.check(trained.model)
    # There may be no room for the optimizer beside what is written, nor for two models: the stored one is measured.
    del task, machine
    stored_model.write(trained, context, document, spec.save_as)
    trained.release()
    model, tokenizer = stored_model.reopened(context, trained.folder)
    padding = int(tokenizer.pad_token_id)
    found = judge(model, sides[1].rows, padding, context.device, processes=context.processes)
    after = found.added(sides[1].by_answer)
    metrics, loss = held.measured(after)
    need_numbers(metrics)
    tasks_after = asked.of(model, tokenizer, stoppable=False)
    samples = _redrawn(loss, context.seed)
    metrics = metrics | loss_ends(samples) | _counts(learned, held, sides[0]) | tasks_after.metrics()
    if context.processes.first:
        model_card.write(context.artifact, spec, trained.name, TASK, metrics)
    return TrainResult(
        metrics=metrics,
        epochs=fitted.epochs,
        best_epoch=fitted.best_epoch,
        parameters=fitted.parameters,
        tables={
            "rows": row_report.table([side.report for side in sides]).as_dict(),
        }
        | {
            table.name: table.as_dict()
            for table in [
                *_beside(held, before, samples, context.seed),
                *asked.table(tasks_before, tasks_after),
            ]
        },
    )


def _redrawn(loss: np.ndarray, seed: int) -> Resampled | None:
    return resample(loss[:, None], np.arange(len(loss)), seed) if len(loss) else None


def _beside(held: Objective, before: Judged, own: Resampled | None, seed: int) -> list[Table]:
    """What the model had before training, on the same rows, and whether it is better now, with the loss ``own``."""
    metrics, loss = held.measured(before)
    base = _redrawn(loss, seed)
    metrics |= loss_ends(base)
    columns = ["loss", "loss_low", "loss_high", "reward_accuracy", "reward_margin"]
    rows = [["base model", *(metrics.get(name) for name in columns)]] if len(loss) else []
    table = Table(
        "baselines",
        "Before training, on the same rows",
        ["model", *columns],
        rows,
        decimals=dict.fromkeys(columns, 3),
    )
    return [table, *against_best(TASK, own, {"base model": base}, share=False)]


def _counts(learned: Objective, held: Objective, side: Side) -> dict[str, int]:
    return {
        "n_train": len(learned),
        "n_validation": len(held),
        "train_tokens": side.report.tokens,
        "trained_tokens": side.report.trained_tokens,
    }
