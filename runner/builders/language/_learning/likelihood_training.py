"""The training of kinds that learn to foretell tokens: rows as tokens, the loop, what is measured and stored."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from runner.builders._finetuning.nothing_learned import Start, need_numbers
from runner.builders.language._learning import packing_check
from runner.builders.language._learning.asked_tasks import AskedTasks
from runner.builders.language._learning.compute_context import Machine
from runner.builders.language._learning.language_trainee import trainee
from runner.builders.language._learning.likelihood_loss import Judged, judge
from runner.builders.language._learning.log_probs import Noise
from runner.builders.language._learning.training_objectives import Learning
from runner.builders.language._models import model_card, stored_model
from runner.builders.language._models.base_model import Trained
from runner.builders.language._rows import row_report
from runner.builders.language._rows.examples import Examples
from runner.builders.language._rows.packing import bins_of
from runner.builders.language._rows.rendering import Side
from runner.contract import Table, TrainContext, TrainResult
from runner.statistics.loss_intervals import loss_ends, mean_of_counted
from runner.statistics.paired_bootstrap import Resampled
from runner.tasks.against_baselines import against_best
from runner.tasks.generation import TASK
from runner.training.loop import fit


def learn(
    spec: Any,
    context: TrainContext,
    load: Callable[[], Trained],
    train: Side,
    held: Side,
    document: dict[str, Any],
    learning: Learning,
) -> TrainResult:
    """Train on the rows of ``train``, measure on those of ``held``, and store. ``document`` is what the model keeps.

    The model is loaded once it is known that the rows train something.
    """
    row_report.tell([train.report, held.report], context.emit, context.data.most_lost)
    asked = AskedTasks.read(spec, context, document)
    trained = load()
    trained.check_tokens(train.rows.tokens, held.rows.tokens)
    if spec.packing == "packed":
        packing_check.check(trained.model, train.rows, trained.padding, context.device)
    if spec.neftune_noise_alpha is not None:
        Noise(trained.model, spec.neftune_noise_alpha)

    def judged() -> Judged:
        model, padding = trained.model, trained.padding
        return judge(model, held.rows, padding, context.device, context.stop_requested, context.processes)

    before, start = judged(), Start.of(trained.model, context.processes)
    tasks_before = asked.of(trained.model, trained.tokenizer)
    learning.ready(trained)
    examples = examples_of(spec, train)
    machine = Machine.of(spec, context, trained)
    parts = learning.parts(machine, examples)
    task = trainee(
        spec,
        context,
        trained,
        machine,
        parts,
        lambda: judged().metrics(),
        examples.lengths,
        examples.trained,
        asked,
    )
    fitted = fit(task, context)
    start.check(trained.model)
    beside = learning.tables()
    learning.release()
    # There may be no room for the optimizer beside what is written, nor for two models: the stored one is measured.
    del task, parts, machine
    stored_model.write(trained, context, document, spec.save_as)
    trained.release()
    model, tokenizer = stored_model.reopened(context, trained.folder)
    after = stored_judged(context, held, model, tokenizer)
    need_numbers(after.metrics())
    tasks_after = asked.of(model, tokenizer, stoppable=False)
    samples = redrawn(after, held.groups, context.seed)
    metrics = after.metrics() | loss_ends(samples) | counts(train, held)
    metrics |= tasks_after.metrics()
    if context.processes.first:
        model_card.write(context.artifact, spec, trained.name, TASK, metrics)
    return TrainResult(
        metrics=metrics,
        epochs=fitted.epochs,
        best_epoch=fitted.best_epoch,
        parameters=fitted.parameters,
        tables={
            "rows": row_report.table([train.report, held.report]).as_dict(),
        }
        | {
            table.name: table.as_dict()
            for table in [
                *_beside(before, samples, held, context.seed),
                *asked.table(tasks_before, tasks_after),
                *beside,
            ]
        },
    )


def examples_of(spec: Any, side: Side) -> Examples:
    """A side's rows, packed or not, as the spec says."""
    return Examples(side.rows, bins_of(side.rows.lengths, spec.max_length) if spec.packing == "packed" else None)


def stored_judged(context: TrainContext, held: Side, model: Any, tokenizer: Any) -> Judged:
    """The held-out rows by the model as it was stored: its figures are those of the weights that are used."""
    return judge(model, held.rows, int(tokenizer.pad_token_id), context.device, processes=context.processes)


def redrawn(judged: Judged, groups: np.ndarray, seed: int) -> Resampled | None:
    """The loss over rows drawn anew with those that belong to them; None where nothing counts."""
    return mean_of_counted(judged.loss, judged.mass, groups, seed)


def _beside(before: Judged, own: Resampled | None, held: Side, seed: int) -> list[Table]:
    """What the base model had on the same rows, and whether the model, whose loss is ``own``, beats it."""
    base = redrawn(before, held.groups, seed)
    metrics = before.metrics() | loss_ends(base)
    columns = ["loss", "loss_low", "loss_high", "perplexity", "token_accuracy"]
    cells = [[metrics.get(name) for name in columns]] if metrics["loss"] is not None else []
    table = Table(
        "baselines",
        "Before training, on the same rows",
        ["model", *columns],
        [["base model", *row] for row in cells],
        decimals=dict.fromkeys(columns, 3),
    )
    return [table, *against_best(TASK, own, {"base model": base}, share=False)]


def counts(train: Side, held: Side) -> dict[str, int]:
    return {
        "n_train": len(train.rows),
        "n_validation": len(held.rows),
        "train_tokens": train.report.tokens,
        "trained_tokens": train.report.trained_tokens,
    }


def bits_per_byte(judged: Judged, held: Side) -> float | None:
    """The loss by bytes of the learned text, which models of other tokenizers share."""
    total = float(held.bytes.sum())
    return float(judged.loss.sum()) / math.log(2) / total if total else None
