"""What a fine-tuning with a head of its own takes: parameters, memory by part and phase, steps, arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from runner.builders._finetuning import opened_model
from runner.builders._finetuning.batched_rows import BatchedRows, step_parts
from runner.builders._finetuning.heads import Head, own_modules
from runner.builders._finetuning.pretrained_base import PretrainedBase
from runner.builders._memory_estimate import estimate_report, meta_model, token_batches
from runner.builders._memory_estimate.estimate_report import Account, Work, facts_of, measured_before_end
from runner.builders._memory_estimate.heaviest_batches import largest_step
from runner.builders._memory_estimate.memory_trace import MemoryTrace
from runner.builders._memory_estimate.simulated_step import MEASURING, Simulation, simulate
from runner.contract import Footprint, FootprintContext, Processes
from runner.errors import RunnerError
from runner.training import precision
from runner.training.auto_batch_size import RowsAtOnce
from runner.training.finetuning_specs import Adapters, QLora
from runner.training.tokens import grouped_by_length
from runner.training.training_length import Length

#: What takes less of texts.
SHORTER = "a smaller max_length"
#: What is opened once the weights are stored: its figures are those of what is used.
OPENING, AGAIN = "opening what was stored", "measuring what was stored"
#: The parts of a step's examples (int64 ``[n]``), each a loss, of a model and the arithmetic.
Parts = Callable[[Any, precision.Precision], Callable[[np.ndarray], Iterable[torch.Tensor]]]


@dataclass(frozen=True)
class Exercise:
    """What the rows of a training are to it."""

    #: Those that are learned: a batch is tensors, or shapes.
    rows: BatchedRows
    #: How many rows are held out; and what computes, of a model, the batch of them that takes most, if there are any.
    held: int
    measured: Callable[[Any], Any] | None
    #: Bytes of the rows as they are kept.
    kept: int
    #: Whether they are those of the data: else as many as a step has, as large as may be.
    exact: bool = True
    unit: str = "tokens"
    #: A loss of whole batches, in the place of that of ``rows``; and an epoch's order, where it is not by length.
    parts: Parts | None = None
    order: Callable[[np.random.Generator], np.ndarray] | None = None
    #: What trains, of the model.
    whole: Callable[[Any], Any] = lambda model: model


def unread(spec: Any, context: FootprintContext, loss: Any = token_batches.loss) -> Exercise:
    """What stands for rows that cannot be read as tokens: as many as a step has, of ``max_length`` each."""
    tokens = token_batches.full(token_batches.as_many(spec, context), spec.max_length)
    batch = token_batches.batch_of(tokens)
    learned = BatchedRows(len(tokens), batch, loss, tokens.lengths)
    measured = token_batches.measured(tokens.lengths, batch, context.device)
    return Exercise(learned, len(tokens), measured, token_batches.kept(tokens), exact=False)


def estimate(
    spec: Any,
    context: FootprintContext,
    base: PretrainedBase,
    head: Head,
    exercise: Exercise,
    *,
    notes: Sequence[str] = (),
    savings: Sequence[str] | None = None,
    beside: Mapping[str, Any] | None = None,
) -> Footprint:
    """The estimate of a training on rows. Raises what it would raise itself before its first step.

    ``notes`` are of the kind; ``savings`` what takes less memory beside what always does, or what is said in its place
    where the kind has no parts of a step; ``beside`` more figures.
    """
    computed = precision.usable(spec.precision, context.device, "/model/spec/precision", context.emit)
    work = _work(spec, context, exercise)
    chosen = _largest(spec, context, exercise, work)
    facts = facts_of(spec, context, computed) | dict(beside or {})
    try:
        ways = {}
        for way in (spec.gradient_checkpointing, not spec.gradient_checkpointing):
            made = _shapes(spec, context, base, head, exercise, checkpointing=way)
            if made is not None:
                ways[way] = _simulated(spec, context, base, exercise, work, chosen, computed, made)
    except RunnerError:
        raise
    except Exception as error:  # noqa: BLE001 - a model's own code may need numbers, and ends in any way without
        return estimate_report.untold(work, facts, error)
    lengths = exercise.rows.lengths
    units = float(len(chosen) if lengths is None else lengths[chosen].sum())
    accounts = {way: _account(spec, context, base, found, exercise, computed, units) for way, found in ways.items()}
    told = [*_notes(exercise), *notes]
    saved = estimate_report.savings(spec, context)
    if len(ways) < 2:
        saved = [each for each in saved if each != "gradient_checkpointing"]
    return estimate_report.told(spec, context, ways, accounts, work, facts, told, [*saved, *(savings or ())])


def _work(spec: Any, context: FootprintContext, exercise: Exercise) -> Work:
    rows, step = exercise.rows, spec.step_rows(context.batch_size)
    count = rows.count if exercise.exact else 0 if context.data is None else len(context.data.train)
    lengths = rows.lengths if rows.lengths is not None and len(rows.lengths) else np.ones(1)
    tokens = float(lengths.mean() if exercise.exact else lengths.max())
    drawn = count if exercise.order is None else len(exercise.order(np.random.default_rng([context.seed, 1])))
    every = spec.evaluation.every
    length = Length.of(drawn, step, context.epochs, every=every, max_steps=spec.max_steps, long=True)
    steps = length.total if count or spec.max_steps is None else spec.max_steps
    known = (rows.count, exercise.held) if exercise.exact else (None, None)
    return Work(steps, step, tokens, exercise.exact, exercise.unit, *known)


def _largest(spec: Any, context: FootprintContext, exercise: Exercise, work: Work) -> np.ndarray:
    """The examples of the heaviest step, two batches of it at most, int64."""
    rows, batch = exercise.rows, _at_once(context)
    if rows.lengths is None:
        return np.arange(min(rows.count, work.step, 2 * batch))

    def shuffled(rng: np.random.Generator) -> np.ndarray:
        return rng.permutation(rows.count)

    order = exercise.order or grouped_by_length(shuffled, rows.lengths, work.step)

    # Places that an order leaves free are -1: they have a row of no length, the last.
    lengths = np.append(rows.lengths, 0)
    found = largest_step(
        order, lengths, step=work.step, batch=batch, seed=context.seed, epochs=context.epochs,
        steps=max(1, work.steps),
    )  # fmt: skip
    return found[found >= 0]


def _at_once(context: FootprintContext) -> int:
    return -(-(context.at_once or context.batch_size) // context.processes)


def _shapes(
    spec: Any, context: FootprintContext, base: PretrainedBase, head: Head, exercise: Exercise, *, checkpointing: bool
) -> meta_model.ShapeModel | None:
    """The model as shapes; None where its activations are to be computed anew, and it cannot."""
    config = head.configured(base.folder)
    auto, method = head.auto_class(), spec.finetuning_spec

    def thawed(model: Any) -> Any:
        return opened_model.thawed(model, method, head)

    if checkpointing and not spec.gradient_checkpointing:
        with torch.device("meta"):
            if not getattr(meta_model.of_config(auto, config), "supports_gradient_checkpointing", False):
                return None
    return meta_model.make(
        auto, config, method, context.device, thawed, kept=lambda model: own_modules(model, head), whole=exercise.whole,
        checkpointing=checkpointing,
    )  # fmt: skip


def _simulated(
    spec: Any,
    context: FootprintContext,
    base: PretrainedBase,
    exercise: Exercise,
    work: Work,
    chosen: np.ndarray,
    computed: precision.Precision,
    made: meta_model.ShapeModel,
) -> Simulation:
    own: Parts = exercise.parts or (
        lambda model, computed: step_parts(
            exercise.rows, Processes(), context.device, model, computed, RowsAtOnce(_at_once(context))
        )
    )

    def steps(model: Any, _: MemoryTrace) -> Callable[[], Iterable[torch.Tensor]]:
        parts = own(model, computed)
        return lambda: parts(chosen)

    return simulate(
        spec,
        made,
        context.device,
        int(base.config.get("vocab_size") or 0),
        steps,
        exercise.measured,
        keeps_best=spec.keep == "best" and measured_before_end(spec, context, work),
        fused=True,
    )


def _account(
    spec: Any,
    context: FootprintContext,
    base: PretrainedBase,
    found: Simulation,
    exercise: Exercise,
    computed: precision.Precision,
    units: float,
) -> Account:
    files = sum(path.stat().st_size for path in base.folder.glob("*.safetensors"))
    quantised = isinstance(spec.finetuning_spec, QLora)
    adapter = isinstance(spec.finetuning_spec, Adapters) and spec.save_as == "adapter"
    # Weights are stored as float32, and read anew: of a quantised model as many numbers as it stands for.
    whole = 4 * found.parameters
    further: dict[str, dict[str, int]] = {
        OPENING: {"weights": whole} | ({"files": files if adapter else whole} if context.device == "cpu" else {})
    }
    if MEASURING in found.phases:
        measuring = {name: found.phases[MEASURING].get(name, 0) for name in estimate_report.LET_GO}
        further[AGAIN] = {"weights": whole} | {name: size for name, size in measuring.items() if size}
    return Account(
        context.device,
        computed,
        units,
        files,
        exercise.kept,
        whole + files if quantised and not adapter else 0,
        further,
    )


def _notes(exercise: Exercise) -> list[str]:
    if exercise.exact:
        return []
    if exercise.unit == "tokens":
        return ["rows were not read as tokens: each is taken to be as long as it may be, all learned"]
    return ["pictures were not looked at: there are taken to be as many as a step has"]
