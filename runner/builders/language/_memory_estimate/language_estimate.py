"""The estimate of a language model's training: parameters, memory by part and phase, steps, tokens, arithmetic."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from runner.builders._memory_estimate import estimate_report
from runner.builders._memory_estimate.estimate_report import Account, Work, facts_of, measured_before_end
from runner.builders._memory_estimate.heaviest_batches import largest_step
from runner.builders._memory_estimate.memory_trace import MemoryTrace
from runner.builders._memory_estimate.simulated_step import Simulation, simulate
from runner.builders.language._learning.compute_context import Machine
from runner.builders.language._learning.frozen_models import Frozen
from runner.builders.language._learning.likelihood_loss import MEASURED, by_tokens
from runner.builders.language._learning.log_probs import Noise
from runner.builders.language._memory_estimate import language_meta_models
from runner.builders.language._memory_estimate.exercise import Exercise
from runner.builders.language._memory_estimate.rows_to_estimate import KnownRows, base_of
from runner.builders.language._models.opening import stored_dtype
from runner.contract import Footprint, FootprintContext, Processes
from runner.errors import RunnerError
from runner.training import precision
from runner.training.auto_batch_size import RowsAtOnce
from runner.training.finetuning_specs import Adapters, QLora
from runner.training.precision import Precision
from runner.training.tokens import grouped_by_length
from runner.training.training_length import Length

#: What the memory of models beside the one that is trained is for.
BESIDE = "teacher and reference"


@dataclass(frozen=True)
class Scene:
    """What is simulated."""

    folder: Path
    device: str
    precision: Precision
    #: Examples of a forward pass.
    at_once: int
    learned: Exercise
    #: The examples of the largest step.
    step: np.ndarray
    held: Exercise | None
    #: Whether the best weights are there beside the present ones while a step is trained.
    keeps_best: bool
    #: Models that lie beside it and do not learn: the folder of each and the dtype that it is kept in.
    beside: Sequence[tuple[Path, torch.dtype]] = ()


def estimate(spec: Any, context: FootprintContext, rows: KnownRows) -> Footprint:
    """What the training would take. Raises what it would raise itself before its first step."""
    folder, base = base_of(spec, context)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    step = spec.step_rows(context.batch_size)
    learned, held = rows.known(spec, base, context, step)
    exact = base is not None and context.data is not None
    work = _work(spec, context, learned, held, step, exact)
    order = grouped_by_length(lambda rng: rng.permutation(len(learned.lengths)), learned.lengths, step)
    computed = precision.usable(spec.precision, context.device, "/model/spec/precision", context.emit)
    at_once = -(-(context.at_once or context.batch_size) // context.processes)
    scene = Scene(
        folder,
        context.device,
        computed,
        at_once,
        learned,
        largest_step(
            order, learned.lengths, step=step, batch=at_once, seed=context.seed, epochs=context.epochs,
            steps=max(1, work.steps),
        ),
        held,
        spec.keep == "best" and measured_before_end(spec, context, work),
        rows.beside(folder),
    )  # fmt: skip
    facts = facts_of(spec, context, computed)
    try:
        ways = {
            way: _simulate(spec, scene, int(config["vocab_size"]), checkpointing=way)
            for way in (spec.gradient_checkpointing, not spec.gradient_checkpointing)
        }
    except RunnerError:
        raise
    except Exception as error:  # noqa: BLE001 - a model's own code may need numbers, and ends in any way without
        return estimate_report.untold(work, facts, error)
    accounts = {way: _account(spec, scene, found, config) for way, found in ways.items()}
    saved = [*estimate_report.savings(spec, context), "a smaller max_length"]
    return estimate_report.told(spec, context, ways, accounts, work, facts, _notes(spec, work), saved)


def _simulate(spec: Any, scene: Scene, vocabulary: int, *, checkpointing: bool) -> Simulation:
    """Train a step and measure, without a number. Raises :class:`~runner.errors.DataError` as a training would."""
    made = language_meta_models.make(spec, scene.folder, scene.learned.head, scene.device, checkpointing=checkpointing)

    def steps(model: Any, trace: MemoryTrace) -> Callable[[], Iterable[torch.Tensor]]:
        if spec.neftune_noise_alpha is not None:
            Noise(model, spec.neftune_noise_alpha)
        trace.label = BESIDE
        frozen = [Frozen(language_meta_models.frozen(folder, scene.device, dtype)) for folder, dtype in scene.beside]
        machine = Machine(model, model, 0, scene.device, scene.precision, RowsAtOnce(scene.at_once), Processes())
        return lambda: scene.learned.parts(machine, frozen)(scene.step)

    held = scene.held if scene.held is not None and len(scene.held.rows) else None
    measures = None if held is None else lambda model: _measure(model, held, scene.device)
    return simulate(spec, made, scene.device, vocabulary, steps, measures, keeps_best=scene.keeps_best)


def _measure(model: Any, held: Exercise, device: str) -> None:
    lengths = held.rows.lengths
    batches = by_tokens(lengths, MEASURED)
    largest = max(batches, key=lambda some: int(lengths[some].max()) * len(some))
    held.measure(model, held.rows.batch(largest, 0, device))


def _account(spec: Any, scene: Scene, found: Simulation, config: dict[str, Any]) -> Account:
    dtype = stored_dtype(config)
    copy = 0 if dtype == torch.float32 else found.parameters * dtype.itemsize
    merged = found.parameters * 4 if isinstance(spec.finetuning_spec, QLora) and spec.save_as == "whole" else 0
    adapter = isinstance(spec.finetuning_spec, Adapters) and spec.save_as == "adapter"
    return Account(
        scene.device,
        scene.precision,
        float(scene.learned.lengths[scene.step].sum()),
        sum(path.stat().st_size for path in scene.folder.glob("*.safetensors")),
        _row_bytes(scene.learned) + (0 if scene.held is None else _row_bytes(scene.held)),
        0 if adapter else copy + merged,
    )


def _work(spec: Any, context: FootprintContext, learned: Exercise, held: Exercise, step: int, exact: bool) -> Work:
    if exact:
        count, tokens = len(learned.lengths), float(learned.lengths.mean()) if len(learned.lengths) else 0.0
    else:
        count = len(context.data.train) if context.data is not None else 0
        tokens = float(learned.lengths.max())
    rows, every = spec.epoch_rows(count, step), spec.evaluation.every
    length = Length.of(rows, step, context.epochs, every=every, max_steps=spec.max_steps, long=True)
    steps = length.total if count or spec.max_steps is None else spec.max_steps
    known = (len(learned.lengths), len(held.lengths)) if exact else (None, None)
    return Work(steps, step, tokens, exact, "tokens", *known)


def _row_bytes(exercise: Exercise) -> int:
    return exercise.rows.tokens.nbytes + exercise.rows.weights.nbytes


def _notes(spec: Any, work: Work) -> list[str]:
    notes = []
    if not work.exact:
        notes.append("rows were not read as tokens: each is taken to have max_length of them, all learned")
    if spec.evaluation.tasks is not None:
        notes.append("memory is without what answering the tasks of evaluation takes")
    return notes
