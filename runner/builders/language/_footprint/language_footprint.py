"""The estimate of a language model's training: parameters, memory by part and phase, steps, tokens, arithmetic."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from runner.builders._finetuning._footprint.arithmetic_rate import measured_rate
from runner.builders._finetuning._footprint.rehearsed_memory import STEP, Rehearsal
from runner.builders.language._footprint.exercise import Exercise
from runner.builders._finetuning._footprint.heaviest_batches import largest_step
from runner.builders.language._footprint.known_rows import KnownRows, base_of
from runner.builders.language._footprint.rehearsed_memory import BESIDE, Scene, rehearse
from runner.builders.language._models.opening import stored_dtype
from runner.contract import Footprint, FootprintContext, Table
from runner.errors import RunnerError
from runner.training import precision
from runner.training.finetuning_specs import Adapters, QLora
from runner.training.tokens import grouped_by_length
from runner.training.training_length import Length

LOADING, STORING = "reading the model", "writing the model"
#: What memory is for, as it is listed.
PARTS = (
    "weights", "gradients", "optimizer", "activations", "odds of tokens", "work of the backward pass", "best weights",
    BESIDE, "kept by the allocator", "files", "rows",
)  # fmt: skip
#: What a step computes and lets go of. On a CPU the C library's allocator cannot give all of it to the next block that
#: is asked for, nor back: blocks of many sizes leave holes.
LET_GO = ("activations", "odds of tokens", "work of the backward pass")
#: The holes over what is let go of: 0.26 to 0.74 in most of 15 trainings (`benchmarks/language_memory.py`). There are
#: none where glibc is told to map every block by itself, which takes more time than it is worth.
KEPT = 0.45
MIB = 2**20


@dataclass(frozen=True)
class Work:
    """How much is to be learned."""

    steps: int
    #: Examples of a step, and tokens of one: a mean where rows were read, else the most there may be.
    step: int
    tokens: float
    exact: bool


def estimate(spec: Any, context: FootprintContext, rows: KnownRows) -> Footprint:
    """What the training would take. Raises what it would raise itself before its first step."""
    folder, base = base_of(spec, context)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    step = spec.step_rows(context.batch_size)
    learned, held = rows.known(spec, base, context, step)
    exact = base is not None and context.data is not None
    work = _work(spec, context, learned, step, exact)
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
        spec.keep == "best" and _measured_before_end(spec, context, work),
        rows.beside(folder),
    )  # fmt: skip
    facts = _facts(spec, context, folder, computed)
    try:
        ways = {
            way: rehearse(spec, scene, int(config["vocab_size"]), checkpointing=way)
            for way in (spec.gradient_checkpointing, not spec.gradient_checkpointing)
        }
    except RunnerError:
        raise
    except Exception as error:  # noqa: BLE001 - a model's own code may need numbers, and ends in any way without
        why = f"parameters and memory cannot be told of this model by its shapes: {type(error).__name__}: {error}"
        return Footprint(facts | _work_figures(work), [_work_table(facts, work, None, None)], notes=[why])
    return _told(spec, context, scene, ways, facts, work, config)


def _told(
    spec: Any,
    context: FootprintContext,
    scene: Scene,
    ways: dict[bool, Rehearsal],
    facts: dict[str, Any],
    work: Work,
    config: dict[str, Any],
) -> Footprint:
    present, other = ways[spec.gradient_checkpointing], ways[not spec.gradient_checkpointing]
    rows = _row_bytes(scene.learned) + (0 if scene.held is None else _row_bytes(scene.held))
    phases, others = (_phases(spec, scene, found, rows, config) for found in (present, other))
    sums = {name: sum(parts.values()) for name, parts in phases.items()}
    peak = max(sums, key=lambda name: sums[name])
    tokens = float(scene.learned.lengths[scene.step].sum())
    flops = present.flops / max(1.0, tokens) * work.tokens * work.step * work.steps
    rate = measured_rate(context.device, scene.precision)
    memory = {
        "peak": sums[peak],
        "phase": peak,
        "parts": phases[peak],
        "phases": sums,
        "gradient_checkpointing": spec.gradient_checkpointing,
        "peak_with_gradient_checkpointing": _most(phases if spec.gradient_checkpointing else others),
        "peak_without_gradient_checkpointing": _most(others if spec.gradient_checkpointing else phases),
    }
    share = present.trainable / present.parameters
    figures = facts | {
        "parameters": present.parameters,
        "trainable_parameters": present.trainable,
        "trainable_share": share,
        "memory": memory,
        **_work_figures(work),
        "flops": flops,
        "flops_per_second": rate,
        "seconds_at_least": flops / rate,
    }
    return Footprint(
        figures,
        [
            _work_table(facts, work, present, figures),
            _memory_table(spec, phases, others, peak),
        ],
        memory=sums[peak],
        notes=_notes(spec, context, work),
        savings=_savings(spec, context),
    )


def _work(spec: Any, context: FootprintContext, learned: Exercise, step: int, exact: bool) -> Work:
    if exact:
        count, tokens = len(learned.lengths), float(learned.lengths.mean()) if len(learned.lengths) else 0.0
    else:
        count = len(context.data.train) if context.data is not None else 0
        tokens = float(learned.lengths.max())
    rows, every = spec.epoch_rows(count, step), spec.evaluation.every
    length = Length.of(rows, step, context.epochs, every=every, max_steps=spec.max_steps, long=True)
    return Work(length.total if count or spec.max_steps is None else spec.max_steps, step, tokens, exact)


def _measured_before_end(spec: Any, context: FootprintContext, work: Work) -> bool:
    """Whether a step comes after a measurement, whose weights are kept."""
    if spec.evaluation.every is not None:
        return work.steps > int(spec.evaluation.every)
    return context.epochs > 1 and work.steps > -(-work.steps // context.epochs)


def _phases(spec: Any, scene: Scene, found: Rehearsal, rows: int, config: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Bytes by what they are for, at the peak of each phase. Files that are read count while they are."""
    files = sum(path.stat().st_size for path in scene.folder.glob("*.safetensors"))
    on_host = scene.device == "cpu"
    dtype = stored_dtype(config)
    copy = 0 if dtype == torch.float32 else found.parameters * dtype.itemsize
    merged = found.parameters * 4 if isinstance(spec.finetuning_spec, QLora) and spec.save_as == "whole" else 0
    adapter = isinstance(spec.finetuning_spec, Adapters) and spec.save_as == "adapter"
    phases = {LOADING: {"weights": found.weights} | ({"files": files} if on_host else {})}
    phases |= {name: {part: size for part, size in parts.items() if size} for name, parts in found.phases.items()}
    # The best weights lie beside the present ones from the first measurement on.
    if spec.keep == "best" and not scene.keeps_best:
        for name in found.phases.keys() - {STEP}:
            phases[name]["best weights"] = 0
    phases[STORING] = {"weights": found.weights} | ({} if adapter or not on_host else {"files": copy + merged})
    return {name: parts | (_on_host(parts, rows) if on_host else {}) for name, parts in phases.items()}


def _on_host(parts: dict[str, int], rows: int) -> dict[str, int]:
    """What is in the machine's memory beside the tensors of a phase."""
    kept = round(KEPT * sum(parts.get(name, 0) for name in LET_GO))
    return {"rows": rows} | ({"kept by the allocator": kept} if kept else {})


def _row_bytes(exercise: Exercise) -> int:
    tokens = exercise.rows.tokens
    return int(tokens.ids.nbytes + tokens.ends.nbytes + exercise.rows.weights.nbytes)


def _most(phases: dict[str, dict[str, int]]) -> int:
    return max(sum(parts.values()) for parts in phases.values())


def _facts(spec: Any, context: FootprintContext, folder: Path, computed: str) -> dict[str, Any]:
    method = spec.finetuning_spec
    bits = (4 if method.load_in_4bit else 8) if isinstance(method, QLora) else None
    return {
        "device": context.device,
        "precision": computed if computed != "auto" else _auto(context.device),
        "method": method.method,
        "quantization": None if bits is None else f"{bits} bit",
    }


def _auto(device: str) -> str:
    """What ``auto`` computes in on a device. See :func:`runner.training.precision.arithmetic`."""
    return "bfloat16" if device.startswith("cuda") and torch.cuda.is_bf16_supported() else "float32"


def _work_figures(work: Work) -> dict[str, Any]:
    return {
        "steps": work.steps,
        "examples_per_step": work.step,
        "tokens_per_step": round(work.tokens * work.step),
        "tokens_from": "rows" if work.exact else "max_length",
    }


def _work_table(facts: dict[str, Any], work: Work, found: Rehearsal | None, figures: dict[str, Any] | None) -> Table:
    rows: list[tuple[str, str]] = []
    if found is not None:
        share = 100 * found.trainable / found.parameters
        rows += [
            ("parameters", f"{found.parameters:,}"),
            ("trainable parameters", f"{found.trainable:,} ({share:.3g} %)"),
        ]
    rows += [
        ("computed in", ", ".join(str(facts[name]) for name in ("precision", "quantization", "device") if facts[name])),
        ("steps", f"{work.steps:,}"),
        ("tokens of a step", f"{'about' if work.exact else 'at most'} {round(work.tokens * work.step):,}"),
    ]
    if figures is not None:
        rows.append(("arithmetic", f"{figures['flops']:.3g} floating-point operations"))
        rows.append(
            ("time", f"at least {figures['seconds_at_least']:,.0f} s: this machine multiplies matrices at "
             f"{figures['flops_per_second'] / 1e9:,.0f} GFLOP/s")
        )  # fmt: skip
    return Table("work", "The training", ("what", "how much"), rows)


def _memory_table(spec: Any, phases: dict[str, dict[str, int]], others: dict[str, dict[str, int]], peak: str) -> Table:
    """Parts by phase, and the training step as it would be the other way."""
    other = f"{STEP}, {'without' if spec.gradient_checkpointing else 'with'} gradient_checkpointing"
    columns = phases | {other: others[STEP]}
    names = [name for name in PARTS if any(parts.get(name) for parts in columns.values())]
    rows: list[list[Any]] = [[name, *(_mib(parts.get(name, 0)) for parts in columns.values())] for name in names]
    rows.append(["together", *(_mib(sum(parts.values())) for parts in columns.values())])
    return Table("memory", f"Memory, MiB: the most is held while {peak}", ("part", *columns), rows)


def _mib(size: int) -> float:
    return round(size / MIB, 1)


def _notes(spec: Any, context: FootprintContext, work: Work) -> list[str]:
    notes = [
        "memory is that of tensors, of files while they are read and of the rows as tokens; "
        + (
            f"what the C library's allocator keeps is taken to be {KEPT:.0%} of what a step computes and lets go of; "
            "the libraries themselves come on top"
            if context.device == "cpu"
            else "the CUDA context and what torch keeps of freed memory come on top"
        )
    ]
    if not work.exact:
        notes.append("rows were not read as tokens: each is taken to have max_length of them, all learned")
    if spec.evaluation.tasks is not None:
        notes.append("memory is without what answering the tasks of evaluation takes")
    return notes


def _savings(spec: Any, context: FootprintContext) -> list[str]:
    found = []
    if (context.at_once or context.batch_size) > 1:
        found.append("a smaller batch_size with as much more gradient_accumulation")
    if not spec.gradient_checkpointing:
        found.append("gradient_checkpointing")
    if not isinstance(spec.finetuning_spec, Adapters):
        found.append("the method lora")
    if not isinstance(spec.finetuning_spec, QLora):
        found.append("the method qlora")
    return [*found, "a smaller max_length"]
