"""The course of a fine-tuning, the same for all kinds: the loop, what was learned checked, the model written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from runner.builders._finetuning import finetuned_model
from runner.builders._finetuning.batched_rows import BatchedRows, trainee
from runner.builders._finetuning.finetuned_model import Beside, head_document
from runner.builders._finetuning.nothing_learned import Start
from runner.builders._finetuning.opened_model import OpenedModel
from runner.contract import TrainContext
from runner.training.loop import fit
from runner.training.trainee import Fit


def tune(
    spec: Any,
    context: TrainContext,
    opened: OpenedModel,
    rows: BatchedRows,
    measure: Callable[[], Mapping[str, float | None]],
    *,
    parts: Callable[[np.ndarray], Iterator[torch.Tensor]] | None = None,
    factors: Mapping[str, float] | None = None,
) -> Fit:
    """Train, and leave the best weights in ``opened.model``. See :func:`trainee`.

    Raises :class:`~runner.errors.RunFailed` where nothing was learned, and what the loop raises.
    """
    start = Start.of(opened.model, context.processes)
    fitted = fit(trainee(spec, context, opened.model, rows, measure, parts=parts, factors=factors), context)
    start.check(opened.model)
    return fitted


def store(spec: Any, context: TrainContext, opened: OpenedModel, document: Mapping[str, Any], *beside: Beside) -> Any:
    """Write what was trained as the run's artifact, and open it again: its figures are those of what is used.

    ``document`` is what the kind keeps; its head is put beside it. ``opened`` is empty after this.
    """
    kept = {**document, "head": head_document(opened.head)}
    if context.processes.first:
        finetuned_model.write(opened, context.artifact, kept, spec.save_as, *beside)
    context.processes.bring(context.artifact)
    opened.release()
    return finetuned_model.load(context.artifact, opened.head, context.device, context.cache, base=opened.folder)
