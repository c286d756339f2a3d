"""Whether a training fits a machine: what it needs beside what there is, as one word and one sentence."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from runner.errors import EnvironmentProblem
from runner.execution.memory_limit import memory_free, memory_held, memory_limit

Label = Literal["fits", "tight", "will not fit", "unknown"]
#: From this share of what there is on, it is tight: an estimate may be wrong by as much.
TIGHT = 0.85
#: Bytes of a parameter in a checkpoint of the training: itself, and two moments of its optimizer.
CHECKPOINTED = 12


@dataclass(frozen=True)
class Machine:
    """What a training finds. Bytes, everywhere."""

    #: ``cpu`` or ``cuda``.
    device: str
    #: The most that a training may take, and whose limit that is.
    memory: int
    whose: str
    #: What is not taken now.
    memory_free: int
    #: What the libraries of a process hold before it begins to train; on a CPU they come on top.
    libraries: int
    disk_free: int
    #: The folder whose disk that is.
    folder: str


@dataclass(frozen=True)
class Fit:
    """How a training fits. ``needed_bytes`` and ``available_bytes`` are of what is scarcest, ``of``."""

    label: Label
    sentence: str
    needed_bytes: int | None = None
    available_bytes: int | None = None
    of: Literal["memory", "disk"] = "memory"
    #: ``kind``: rehearsed by the kind itself; else the earlier run whose peak is taken.
    judged_by: str | None = None

    @property
    def refused(self) -> bool:
        """Whether a start ends here. What another run took is no reason: it may have been of another model."""
        return self.label == "will not fit" and self.judged_by == "kind"

    def as_dict(self) -> dict[str, Any]:
        """The judgement as ``train --dry-run --json`` and the run's events have it."""
        return asdict(self)


def this_machine(folder: Path, device: str = "cpu", asked: int | None = None) -> Machine:
    """This machine as a training in ``folder`` would find it. ``asked`` is ``/run/memory``, bytes.

    Imports torch for a GPU alone.
    """
    limit, whose = memory_limit(device, asked)
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    disk = shutil.disk_usage(existing).free
    return Machine(device, limit, whose, memory_free(device, asked), memory_held(), disk, str(existing))


def needed_memory(memory: int, device: str, processes: int, libraries: int) -> int:
    """Bytes at once. Processes have a GPU each; they share a machine's memory, where each has the libraries."""
    return memory if device != "cpu" else (memory + libraries) * processes


def judge(document: Mapping[str, Any], machine: Machine) -> Fit:
    """The fit of what :func:`runner.execution.dry_run.dry_run` tells: the worse of memory and disk."""
    footprint, estimate = document.get("footprint") or {}, document.get("estimate") or {}
    if footprint.get("memory") is not None:
        processes = int(document["spec"]["run"]["processes"])
        needed = needed_memory(int(footprint["memory"]), machine.device, processes, machine.libraries)
        judged_by, savings = "kind", tuple(footprint.get("savings") or ())
    elif estimate.get("memory") is not None:
        # A run's peak is that of the whole process, on the machine's own memory.
        needed, judged_by, savings = int(estimate["memory"]), str(estimate["judged_by"]), ()
    else:
        why = document.get("footprint_unknown") or document.get("data_unknown")
        told = why or "the kind tells none of its own, and no run of this type has succeeded here yet"
        return Fit("unknown", f"what it needs is unknown: {told}")
    memory = _memory(needed, machine, judged_by, savings)
    disk = _disk(document, machine)
    return disk if disk is not None and _worse(disk.label, memory.label) else memory


def refuse(fit: Fit, *, anyway: bool) -> None:
    """Raise :class:`EnvironmentProblem` for a training that will not fit.

    It would end so later, killed, with what it learned lost and whatever else runs here slowed down or killed with it:
    so the default is not to begin. ``anyway`` begins all the same, as an estimate may be wrong.
    """
    if fit.refused and not anyway:
        raise EnvironmentProblem(
            f"the training will not fit: {fit.sentence}",
            where="/run/memory" if "/run/memory" in fit.sentence else None,
            hint="change the spec (`runner train --dry-run` shows what takes how much), or begin all the same: "
            "--anyway",
        )


def _memory(needed: int, machine: Machine, judged_by: str, savings: tuple[str, ...]) -> Fit:
    available, whose = machine.memory, machine.whose
    if judged_by == "kind":
        about = f"about {mib(needed)} of memory at once, libraries and all" if machine.device == "cpu" else (
            f"about {mib(needed)} of the GPU's memory at once, the CUDA context on top"
        )  # fmt: skip
    else:
        about = f"about {mib(needed)} of memory, as run {judged_by} took"
    has = f"{whose} has {mib(available)}"
    label: Label = "fits"
    if needed > available:
        label = "will not fit"
        saved = f": try {', '.join(savings)}" if savings else ""
        return Fit(label, f"{about}, and {has}{saved}", needed, available, "memory", judged_by)
    if needed > TIGHT * available:
        return Fit("tight", f"{about}, and {has}: little is left", needed, available, "memory", judged_by)
    # The libraries of this process are taken already, and are no part of what is free.
    free = machine.memory_free + (machine.libraries if machine.device == "cpu" and judged_by == "kind" else 0)
    if needed > free:
        told = f"{about}, and of the {mib(available)} of {whose} only {mib(free)} are free now"
        return Fit("tight", told, needed, free, "memory", judged_by)
    return Fit(label, f"{about}, and {has}", needed, available, "memory", judged_by)


def _disk(document: Mapping[str, Any], machine: Machine) -> Fit | None:
    """The stored model, and a checkpoint of the training, which is written before the one before it goes."""
    figures = (document.get("footprint") or {}).get("figures") or {}
    parameters, trained = figures.get("parameters"), figures.get("trainable_parameters")
    if parameters is None or trained is None:
        return None
    own = document["spec"]["model"].get("spec") or {}
    adapter = trained < parameters and own.get("save_as") == "adapter"
    once = 4 * int(trained if adapter else parameters) + CHECKPOINTED * int(trained)
    about = (
        f"about {mib(once)} of disk for the model and a checkpoint, and {machine.folder} has {mib(machine.disk_free)}"
    )
    if once > machine.disk_free:
        return Fit("will not fit", about, once, machine.disk_free, "disk", "kind")
    if once + CHECKPOINTED * int(trained) > TIGHT * machine.disk_free:
        return Fit("tight", f"{about} free: little is left", once, machine.disk_free, "disk", "kind")
    return Fit("fits", about, once, machine.disk_free, "disk", "kind")


def _worse(one: Label, other: Label) -> bool:
    order = ("fits", "tight", "will not fit")
    return order.index(one) > order.index(other)


def mib(count: int) -> str:
    """Bytes in MiB, or in GiB where there are many."""
    return f"{count / 2**20:,.0f} MiB" if count < 20 * 2**30 else f"{count / 2**30:,.0f} GiB"
