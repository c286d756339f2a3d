"""Before a training begins, where it begins: whether it fits. One that will not is refused while nothing is lost."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runner import registry
from runner.contract import FootprintContext, LoadedData
from runner.execution.fit import Fit, judge, refuse, this_machine
from runner.execution.plan_document import PlanDocument
from runner.execution.spec_names import model_names
from runner.spec.envelope import TrainingSpec
from runner.training.pretrained import at_hand

#: A model of fewer bytes of weights holds at most so many bytes for a token of a step, and so many times its weights.
#: Where that is less than there is, it fits, and is not rehearsed before a start: that would take longer than much of
#: what such a model trains. `train --dry-run` rehearses it all the same.
SMALL, SMALLS_TOKEN, SMALLS_WEIGHTS = 64 * 2**20, 2**20, 16
#: Tokens of a row, or parts of a picture, where a spec names no length.
LONG = 1024


def check_start(
    plan: PlanDocument,
    spec: TrainingSpec,
    context: FootprintContext,
    folder: Path,
    emit: Callable[..., None],
) -> Fit | None:
    """Judge the training that is about to begin in ``folder``, and tell it by an event ``fit``.

    Where the spec leaves the batch size to the training, ``context.at_once`` is what it begins with.

    None where the kind tells nothing, where it cannot tell, and where the model is small beside the memory. Raises
    :class:`~runner.errors.EnvironmentProblem` for one that will not fit, unless the plan says that it begins anyway.
    """
    estimate = registry.estimator(plan.model_type)
    if estimate is None:
        return None
    machine = this_machine(folder, context.device, spec.run.memory_bytes)
    if _fits_surely(spec, context, machine.memory - machine.libraries):
        return None
    try:
        with _same_chance(context.device):
            footprint = estimate(spec.model.spec, context)
    except Exception:  # noqa: BLE001 - the training raises it too, and says at which place of the spec it is
        return None
    own = spec.model.spec.model_dump(mode="json") if spec.model.spec is not None else {}
    document = {
        "spec": {"run": {"processes": spec.run.processes}, "model": {"spec": own}},
        "footprint": footprint.as_dict(),
        "footprint_unknown": next(iter(footprint.notes), None) if footprint.memory is None else None,
    }
    fit = judge(document, machine)
    emit("fit", **fit.as_dict())
    refuse(fit, anyway=plan.anyway)
    return fit


def rehearsed(data: LoadedData, spec: TrainingSpec, seed: int, device: str, plan: PlanDocument, cache: Path) -> Any:
    """What an estimate may know of the training that a worker is about to begin."""
    return FootprintContext(
        data=data,
        epochs=spec.epochs,
        batch_size=spec.rows,
        seed=seed,
        device=device,
        start_from=Path(plan.start_from) if plan.start_from else None,
        cache=cache,
        emit=lambda *_, **__: None,
        stored={name: Path(entry.path) for name, entry in plan.stored.items()},
        processes=spec.run.processes,
    )


def _fits_surely(spec: TrainingSpec, context: FootprintContext, memory: int) -> bool:
    weights, own = _weights(spec, context), spec.model.spec
    if weights is None or weights >= SMALL or spec.batch_size == "auto" or own is None:
        return False
    tokens = own.step_rows(context.batch_size) * int(getattr(own, "max_length", None) or LONG)
    return (weights * SMALLS_WEIGHTS + tokens * SMALLS_TOKEN) * context.processes < memory


def _weights(spec: TrainingSpec, context: FootprintContext) -> int | None:
    """Bytes of the weights that the training begins with; None where they are not here yet."""
    folders = [*context.stored.values(), *([context.start_from] if context.start_from else [])]
    for name, revision in model_names(spec):
        found = at_hand(name, revision, context.cache)
        if found is None:
            return None
        folders.append(found)
    return sum(path.stat().st_size for folder in folders for path in folder.rglob("*.safetensors"))


@contextmanager
def _same_chance(device: str) -> Iterator[None]:
    """Whatever is drawn within, what comes after draws as if it had not been."""
    import numpy as np
    import torch

    python, arrays = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(enabled=True, devices=[0] if device == "cuda" else []):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(arrays)
