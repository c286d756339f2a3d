"""The training of kinds that learn from rewards: prompts as tokens, the loop, what is measured and stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from runner.builders._finetuning.nothing_learned import Start, need_numbers
from runner.builders.language._fields.reward_fields import EnvironmentReward
from runner.builders.language._learning.asked_tasks import AskedTasks
from runner.builders.language._learning.compute_context import Machine
from runner.builders.language._learning.log_probs import Noise
from runner.builders.language._models import base_model, model_card, stored_model
from runner.builders.language._models.base_model import Trained
from runner.builders.language._models.opening import open_weights
from runner.builders.language._reinforcing import code_outcomes, episode_courses, prompt_side
from runner.builders.language._reinforcing.environments import Surroundings
from runner.builders.language._reinforcing.held_out_rewards import HeldAnswers, rewards_table
from runner.builders.language._reinforcing.nothing_taught import REWARDS, need_taught
from runner.builders.language._reinforcing.policy_objectives import Objective
from runner.builders.language._reinforcing.policy_steps import Practice
from runner.builders.language._reinforcing.rollouts import Drawing
from runner.builders.language._rewards.weighted_rewards import WeightedRewards, need_columns
from runner.builders.language._rows import row_report
from runner.builders.language._rows.rendering import renderer_of
from runner.contract import Table, TrainContext, TrainResult
from runner.tasks.generation import REWARDED
from runner.training import optimizers, precision
from runner.training.loop import fit
from runner.training.tokens import grouped_by_length
from runner.training.trainee import Trainee

#: From this share on it is told that groups of equal rewards teach nothing.
MANY = 0.9
#: Makes the objective of a loaded model, beside the model that training began with where it is asked for.
Making = Callable[[Trained, Callable[[], Any]], Objective]


def learn(spec: Any, context: TrainContext, make: Making) -> TrainResult:
    """Train on the prompts of the data. The model is loaded once it is known that prompts and rewards can be used."""
    # Of rows as they are, before anything takes long; of those that are left, once they are known.
    need_columns(spec.rewards, context.data.train, context.data.validation)
    base = base_model.find(spec, context)
    renderer = renderer_of(base, spec, context)
    surroundings = None if spec.environment is None else Surroundings.opened(spec.environment, renderer)
    learned, held = (
        prompt_side.prompts(
            rows if surroundings is None else surroundings.rows(rows, context.cache),
            renderer,
            spec,
            side,
            context.cache,
        )
        for rows, side in ((context.data.train, "train"), (context.data.validation, "validation"))
    )
    row_report.tell([learned.report, held.report], context.emit, context.data.most_lost)
    for sentence in need_columns(spec.rewards, learned.rows, held.rows):
        context.emit("warning", message=sentence, pointer=REWARDS)
    rewards = WeightedRewards.opened(spec.rewards, context)
    document = {"chat": renderer.as_document(), "max_length": spec.max_length}
    asked = AskedTasks.read(spec, context, document)
    trained = base_model.load(spec, context, base)
    trained.check_tokens(learned.ids, held.ids)

    def reference() -> Any:
        found = open_weights(trained.folder, context.device).eval().requires_grad_(False)
        # Reading a model may draw from torch's generator or not, as it was read before or not.
        torch.manual_seed(context.seed)
        return found

    objective = make(trained, reference)
    group = objective.group
    drawing = Drawing.of(spec, renderer, trained.padding, context.batch_size * group, surroundings)
    judged = HeldAnswers(drawing, held, rewards, context)
    before, start = judged.of(trained.model), Start.of(trained.model, context.processes)
    tasks_before = asked.of(trained.model, trained.tokenizer)
    if spec.neftune_noise_alpha is not None:
        Noise(trained.model, spec.neftune_noise_alpha)
    machine = Machine.of(spec, context, trained)
    practice = Practice(spec, machine, drawing, learned, rewards, objective, context.batch_size)

    def measure() -> dict[str, float | None]:
        return judged.of(trained.model).metrics() | asked.of(trained.model, trained.tokenizer).metrics()

    task = _trainee(spec, context, trained, practice, objective, measure, asked, learned)
    fitted = fit(task, context)
    counts, ways, course = practice.counts, practice.ways, practice.course
    # What the code or the environment came to may be why nothing was learned.
    given = any(isinstance(reward, EnvironmentReward) for reward in spec.rewards.values())
    for sentence in [*code_outcomes.sentences(ways), *episode_courses.sentences(course, asked=given)]:
        context.emit("warning", message=sentence, pointer=REWARDS)
    need_taught(spec, practice)
    # A reward that no step raised leaves the model of the first measurement, whose step may have been all warm-up.
    start.check(trained.model, may_stay=fitted.best_step is not None)
    for sentence in _oddities(spec, counts):
        context.emit("warning", message=sentence, pointer=REWARDS)
    for name, unread in practice.unread.items():
        context.emit("warning", message=f"{name}: {unread.told()}", pointer=f"{REWARDS}/{name}")
    # There may be no room for the optimizer beside what is written, nor for two models: the stored one is measured.
    del task, practice, machine, objective
    stored_model.write(trained, context, document, spec.save_as)
    trained.release()
    model, tokenizer = stored_model.reopened(context, trained.folder)
    after = judged.of(model, stoppable=False)
    need_numbers(after.metrics())
    tasks_after = asked.of(model, tokenizer, stoppable=False)
    metrics = after.metrics() | after.interval(context.seed) | _counts(counts, learned, held) | tasks_after.metrics()
    if context.processes.first:
        model_card.write(context.artifact, spec, trained.name, REWARDED, metrics)
    tables = [
        prompt_side.table([learned, held]),
        rewards_table(rewards, spec.rewards, before, after),
        _before(before, context.seed),
        *after.against(before, context.seed),
        *asked.table(tasks_before, tasks_after),
        *code_outcomes.tables(ways),
        *episode_courses.tables(course),
    ]
    return TrainResult(
        metrics=metrics,
        epochs=fitted.epochs,
        best_epoch=fitted.best_epoch,
        parameters=fitted.parameters,
        tables={table.name: table.as_dict() for table in tables},
    )


def _trainee(
    spec: Any,
    context: TrainContext,
    trained: Trained,
    practice: Practice,
    objective: Objective,
    measure: Callable[[], dict[str, float | None]],
    asked: AskedTasks,
    learned: prompt_side.PromptSide,
) -> Trainee:
    module = trained.model
    if objective.values is not None:
        module = nn.ModuleDict({"policy": trained.model, "value": objective.values})
    size = context.batch_size * spec.gradient_accumulation
    everything, lengths = np.arange(len(learned)), learned.lengths

    def shuffled(rng: np.random.Generator) -> np.ndarray:
        return everything[rng.permutation(len(everything))]

    return Trainee(
        module=module,
        optimizer=optimizers.make(spec.optimizer, module.named_parameters(), fused=True),
        order=again(grouped_by_length(shuffled, lengths, size), size, spec.passes),
        loss=None,
        parts=practice.parts,
        accumulation=spec.gradient_accumulation,
        measure=measure,
        criterion=asked.criterion,
        better=asked.better,
        measured_by=asked.fingerprint,
        section=spec,
        clip_gradient=spec.max_grad_norm,
        loss_scaling=precision.scales_loss(_computed(spec, context)),
        measure_every=spec.evaluation.every,
        max_steps=spec.max_steps,
        keeps_best=spec.keep == "best",
        keeps_optimizer=False,
        tokens=lambda _: practice.tokens(),
        left=practice,
        figures=practice.figures,
    )


def again(
    order: Callable[[np.random.Generator], np.ndarray], size: int, passes: int
) -> Callable[[np.random.Generator], np.ndarray]:
    """The prompts of an epoch, those of each step ``passes`` times one after the other.

    Where that is more than once every step has ``size`` prompts: the last is filled up from the epoch's first.
    """
    if passes == 1:
        return order

    def rows(rng: np.random.Generator) -> np.ndarray:
        drawn = order(rng)
        steps = np.resize(drawn, (-(-len(drawn) // size), size))
        return np.repeat(steps, passes, axis=0).ravel()

    return rows


def _computed(spec: Any, context: TrainContext) -> Any:
    return precision.usable(spec.precision, context.device, "/model/spec/precision", lambda *_, **__: None)


def _oddities(spec: Any, counts: dict[str, int]) -> list[str]:
    found = []
    equal = counts["equal_groups"] / max(1, counts["groups"])
    if equal >= MANY:
        found.append(
            f"in {equal:.0%} of the groups all answers had the same reward, so that nothing was learned of them: "
            "rewards have to tell answers to one prompt apart"
        )
    if counts["unrewarded_answers"]:
        found.append(
            f"to {counts['unrewarded_answers']:,} of {counts['answers']:,} answers no reward applied: they are not "
            "learned from"
        )
    if spec.mask_cut and counts["cut_answers"] >= MANY * counts["answers"]:
        found.append(
            f"{counts['cut_answers']:,} of {counts['answers']:,} answers did not end within max_new_tokens, and were "
            "left out (mask_cut)"
        )
    return found


def _counts(counts: dict[str, int], learned: prompt_side.PromptSide, held: prompt_side.PromptSide) -> dict[str, Any]:
    grouped = counts["answers"] > counts["groups"]
    share = {"train_equal_groups": counts["equal_groups"] / counts["groups"]} if grouped else {}
    return share | {
        "train_cut_answers": counts["cut_answers"] / max(1, counts["answers"]),
        "train_unrewarded_answers": counts["unrewarded_answers"],
        "train_answers": counts["answers"],
        "n_train": len(learned),
        "n_validation": len(held),
        "trained_tokens": counts["tokens"],
    }


def _before(before: Any, seed: int) -> Table:
    """What the model had before training, on the same prompts."""
    metrics = before.metrics() | before.interval(seed)
    columns = ["reward", "reward_low", "reward_high", "answer_tokens", "cut_answers"]
    rows = [["base model", *(metrics.get(name) for name in columns)]] if metrics["reward"] is not None else []
    title = "Before training, on the same prompts"
    return Table("baselines", title, ["model", *columns], rows, decimals=dict.fromkeys(columns, 3))
