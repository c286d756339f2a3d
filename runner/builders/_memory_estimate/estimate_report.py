"""What was simulated, and what is known of rows and files, as an estimate: phases, figures, tables, notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from runner.builders._memory_estimate.arithmetic_rate import measured_rate
from runner.builders._memory_estimate.simulated_step import STEP, Simulation
from runner.contract import Footprint, FootprintContext, Table
from runner.training.finetuning_specs import Adapters, QLora
from runner.training.precision import Precision

LOADING, STORING = "reading the model", "writing the model"
#: What memory is for, as it is listed.
PARTS = (
    "weights", "gradients", "optimizer", "activations", "odds of tokens", "work of the backward pass", "best weights",
    "teacher and reference", "kept by the allocator", "files", "rows",
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
    #: What an example is measured in: ``tokens``, or ``pictures``, of which each is one.
    unit: str = "tokens"
    #: Examples that are learned, and that are held out; None where rows were not read.
    learned: int | None = None
    held: int | None = None


@dataclass(frozen=True)
class Account:
    """What an estimate is made of, beside what was simulated."""

    #: ``cpu`` or ``cuda``, and the arithmetic on it.
    device: str
    precision: Precision
    #: Tokens, or pictures, of the step that was simulated.
    simulated: float
    #: Bytes of files that are read, of rows as they are kept, and of what is made of the weights to store them.
    files: int
    rows: int
    stored: int
    #: Further phases, by name: bytes by what they are for.
    further: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def told(
    spec: Any,
    context: FootprintContext,
    ways: Mapping[bool, Simulation],
    accounts: Mapping[bool, Account],
    work: Work,
    facts: dict[str, Any],
    notes: Sequence[str],
    savings: Sequence[str],
) -> Footprint:
    """The estimate. ``ways`` and ``accounts`` are by whether activations are computed anew; the way that the spec does
    not go may be lacking. ``notes`` come behind what is said of all."""
    way = spec.gradient_checkpointing
    present, account = ways[way], accounts[way]
    held = {each: phases(found, accounts[each]) for each, found in ways.items()}
    sums = {name: sum(parts.values()) for name, parts in held[way].items()}
    peak = max(sums, key=lambda name: sums[name])
    flops = present.flops / max(1.0, account.simulated) * work.tokens * work.step * work.steps
    rate = measured_rate(account.device, account.precision)
    memory = {
        "peak": sums[peak],
        "phase": peak,
        "parts": held[way][peak],
        "phases": sums,
        "gradient_checkpointing": way,
        "peak_with_gradient_checkpointing": _most(held.get(True)),
        "peak_without_gradient_checkpointing": _most(held.get(False)),
    }
    figures = facts | {
        "parameters": present.parameters,
        "trainable_parameters": present.trainable,
        "trainable_share": present.trainable / present.parameters,
        "memory": memory,
        **work_figures(work),
        "flops": flops,
        "flops_per_second": rate,
        "seconds_at_least": flops / rate,
    }
    return Footprint(
        figures,
        [work_table(facts, work, present, figures), _memory_table(spec, held, peak)],
        memory=sums[peak],
        notes=[counted(context.device, work.unit), *notes],
        savings=savings,
    )


def untold(work: Work, facts: dict[str, Any], error: Exception) -> Footprint:
    """The estimate of a model that cannot be gone through without numbers."""
    why = f"parameters and memory cannot be told of this model by its shapes: {type(error).__name__}: {error}"
    return Footprint(facts | work_figures(work), [work_table(facts, work, None, None)], notes=[why])


def phases(found: Simulation, account: Account) -> dict[str, dict[str, int]]:
    """Bytes by what they are for, at the peak of each phase. Files that are read count while they are."""
    on_host = account.device == "cpu"
    files = {"files": account.files} if on_host else {}
    known: dict[str, dict[str, int]] = {LOADING: {"weights": found.weights} | files}
    known |= {name: {part: size for part, size in parts.items() if size} for name, parts in found.phases.items()}
    known[STORING] = {"weights": found.weights} | ({"files": account.stored} if on_host and account.stored else {})
    known |= {name: dict(parts) for name, parts in account.further.items()}
    return {name: parts | (_on_host(parts, account.rows) if on_host else {}) for name, parts in known.items()}


def measured_before_end(spec: Any, context: FootprintContext, work: Work) -> bool:
    """Whether a step comes after a measurement, whose weights are kept."""
    if spec.evaluation.every is not None:
        return work.steps > int(spec.evaluation.every)
    return context.epochs > 1 and work.steps > -(-work.steps // context.epochs)


def facts_of(spec: Any, context: FootprintContext, computed: Precision) -> dict[str, Any]:
    """How it is computed."""
    method = spec.finetuning_spec
    bits = (4 if method.load_in_4bit else 8) if isinstance(method, QLora) else None
    return {
        "device": context.device,
        "precision": computed if computed != "auto" else _auto(context.device),
        "method": method.method,
        "quantization": None if bits is None else f"{bits} bit",
    }


def counted(device: str, unit: str = "tokens") -> str:
    """The sentence on what memory is counted, and what is not."""
    rows = "rows as tokens" if unit == "tokens" else "pictures of a batch"
    return f"memory is that of tensors, of files while they are read and of the {rows}; " + (
        f"what the C library's allocator keeps is taken to be {KEPT:.0%} of what a step computes and lets go of; "
        "the libraries themselves come on top"
        if device == "cpu"
        else "the CUDA context and what torch keeps of freed memory come on top"
    )


def savings(spec: Any, context: FootprintContext) -> list[str]:
    """What takes less memory whatever is learned, most effective first."""
    found = []
    if (context.at_once or context.batch_size) > 1:
        found.append("a smaller batch_size with as much more gradient_accumulation")
    if not spec.gradient_checkpointing:
        found.append("gradient_checkpointing")
    if not isinstance(spec.finetuning_spec, Adapters):
        found.append("the method lora")
    if not isinstance(spec.finetuning_spec, QLora):
        found.append("the method qlora")
    return found


def work_figures(work: Work) -> dict[str, Any]:
    """Steps and what is in them, as a program reads it."""
    found: dict[str, Any] = {"steps": work.steps, "examples_per_step": work.step}
    if work.learned is not None:
        found |= {"examples": work.learned, "held_out_examples": work.held}
    each = round(work.tokens * work.step)
    return (
        found
        | {f"{work.unit}_per_step": each}
        | ({"tokens_from": "rows" if work.exact else "max_length"} if work.unit == "tokens" else {})
    )


def work_table(facts: dict[str, Any], work: Work, found: Simulation | None, figures: dict[str, Any] | None) -> Table:
    """The same to read."""
    rows: list[tuple[str, str]] = []
    if found is not None:
        share = 100 * found.trainable / found.parameters
        rows += [
            ("parameters", f"{found.parameters:,}"),
            ("trainable parameters", f"{found.trainable:,} ({share:.3g} %)"),
        ]
    about = "at most" if work.unit == "tokens" and not work.exact else "about" if work.unit == "tokens" else ""
    rows += [
        ("computed in", ", ".join(str(facts[name]) for name in ("precision", "quantization", "device") if facts[name])),
        ("steps", f"{work.steps:,}"),
        (f"{work.unit} of a step", f"{about} {round(work.tokens * work.step):,}".strip()),
    ]
    if figures is not None:
        rows.append(("arithmetic", f"{figures['flops']:.3g} floating-point operations"))
        rows.append(
            ("time", f"at least {figures['seconds_at_least']:,.0f} s: this machine multiplies matrices at "
             f"{figures['flops_per_second'] / 1e9:,.0f} GFLOP/s")
        )  # fmt: skip
    return Table("work", "The training", ("what", "how much"), rows)


def _on_host(parts: Mapping[str, int], rows: int) -> dict[str, int]:
    """What is in the machine's memory beside the tensors of a phase."""
    kept = round(KEPT * sum(parts.get(name, 0) for name in LET_GO))
    return {"rows": rows} | ({"kept by the allocator": kept} if kept else {})


def _most(held: Mapping[str, Mapping[str, int]] | None) -> int | None:
    return None if held is None else max(sum(parts.values()) for parts in held.values())


def _auto(device: str) -> str:
    """What ``auto`` computes in on a device. See :func:`runner.training.precision.arithmetic`."""
    return "bfloat16" if device.startswith("cuda") and torch.cuda.is_bf16_supported() else "float32"


def _memory_table(spec: Any, held: Mapping[bool, Mapping[str, Mapping[str, int]]], peak: str) -> Table:
    """Parts by phase, and the training step as it would be the other way."""
    way = spec.gradient_checkpointing
    columns = dict(held[way])
    if (not way) in held:
        columns[f"{STEP}, {'without' if way else 'with'} gradient_checkpointing"] = held[not way][STEP]
    names = [name for name in PARTS if any(parts.get(name) for parts in columns.values())]
    rows: list[list[Any]] = [[name, *(_mib(parts.get(name, 0)) for parts in columns.values())] for name in names]
    rows.append(["together", *(_mib(sum(parts.values())) for parts in columns.values())])
    return Table("memory", f"Memory, MiB: the most is held while {peak}", ("part", *columns), rows)


def _mib(size: int) -> float:
    return round(size / MIB, 1)
