"""Training of a reward model on preferences between two answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from runner.builders._finetuning.nothing_learned import Start, need_numbers
from runner.builders.language._learning.asked_tasks import AskedTasks
from runner.builders.language._learning.compute_context import Machine
from runner.builders.language._learning.language_trainee import trainee
from runner.builders.language._learning.log_probs import Noise
from runner.builders.language._learning.reward_scores import judged_scores, pair_figures, reward_parts, right
from runner.builders.language._models import base_model, model_card, stored_model
from runner.builders.language._rows import rendering, row_report
from runner.builders.language._rows.rendering import renderer_of
from runner.contract import TrainContext, TrainResult
from runner.statistics.paired_bootstrap import resample
from runner.tasks.reward import TASK
from runner.training.loop import fit


def train(spec: Any, context: TrainContext) -> TrainResult:
    """Learn to score the better answer higher. Rows become tokens before the model is loaded."""
    base = base_model.find(spec, context, "score")
    renderer = renderer_of(base, spec, context)
    learned, held = (
        rendering.pairs(part, renderer, spec.max_length, side, context.cache, scored=True)
        for part, side in ((context.data.train, "train"), (context.data.validation, "validation"))
    )
    row_report.tell([learned.side.report, held.side.report], context.emit, context.data.most_lost)
    document = {"chat": renderer.as_document(), "max_length": spec.max_length}
    asked = AskedTasks.read(spec, context, document)
    trained = base_model.load(spec, context, base, "score")
    trained.check_tokens(learned.side.rows.tokens, held.side.rows.tokens)
    start = Start.of(trained.model, context.processes)
    if spec.neftune_noise_alpha is not None:
        Noise(trained.model, spec.neftune_noise_alpha)

    def judged(model: Any, padding: int, stop_requested: Callable[[], bool]) -> np.ndarray:
        return judged_scores(model, held.side.rows, padding, context.device, stop_requested, context.processes)

    def measure() -> dict[str, float | None]:
        return pair_figures(judged(trained.model, trained.padding, context.stop_requested))

    lengths = learned.side.rows.lengths.reshape(-1, 2).sum(axis=1)
    machine = Machine.of(spec, context, trained)
    task = trainee(
        spec,
        context,
        trained,
        machine,
        reward_parts(machine, learned, lengths, spec.center_rewards),
        measure,
        lengths,
        # One score an answer.
        np.full(len(learned), 2),
        asked,
    )
    fitted = fit(task, context)
    start.check(trained.model)
    # There may be no room for the optimizer beside what is written, nor for two models: the stored one is measured.
    del task, machine
    stored_model.write(trained, context, document, spec.save_as)
    trained.release()
    model, tokenizer = stored_model.reopened(context, trained.folder, "score")
    found = judged(model, int(tokenizer.pad_token_id), lambda: False)
    need_numbers(pair_figures(found))
    metrics = (
        pair_figures(found)
        | _interval(found, context.seed)
        | {
            "n_train": len(learned),
            "n_validation": len(held),
            "train_tokens": learned.side.report.tokens,
        }
    )
    if context.processes.first:
        model_card.write(context.artifact, spec, trained.name, TASK, metrics)
    return TrainResult(
        metrics=metrics,
        epochs=fitted.epochs,
        best_epoch=fitted.best_epoch,
        parameters=fitted.parameters,
        tables={"rows": row_report.table([learned.side.report, held.side.report]).as_dict()},
    )


def _interval(found: np.ndarray, seed: int) -> dict[str, float | None]:
    if not len(found):
        return {}
    sure = resample(right(found[::2] - found[1::2])[:, None], np.arange(len(found) // 2), seed).share(0)
    return sure.ends("accuracy")
