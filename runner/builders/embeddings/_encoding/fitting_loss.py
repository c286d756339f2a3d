"""Whether a loss can be learned from rows of a form, and what the rows' classes are to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from runner.builders.embeddings._fields.loss_fields import (
    IN_BATCH,
    LossSpec,
    OnlineContrastive,
    Softmax,
    usual,
)
from runner.contract import departs
from runner.data.dialogues.row_types import PairRow
from runner.data.kept_rows import KeptRows
from runner.data.text_pairs.prepared_pairs import form_of
from runner.errors import DataError
from runner.tasks.embedding.judging import alike_class

LOSS = "/model/spec/loss"


def fitting(
    spec: Any, rows: Sequence[PairRow], held: Sequence[PairRow], cache: Path
) -> tuple[LossSpec, Sequence[PairRow], Sequence[PairRow]]:
    """The spec's loss, or the usual one of the rows' form, and the rows of both sides as it takes them.

    Rows of two classes become scores of 0 and 1 for a loss that learns from scores; many of them lie in the folder
    ``cache``. Raises :class:`DataError` by pointer where loss and rows do not fit.
    """
    form = form_of(rows)
    loss = usual(form) if spec.loss is None else spec.loss
    wanted = "triplet" if form == "pair" and spec.hard_negatives is not None else form
    if spec.hard_negatives is not None and form not in ("pair", "triplet"):
        raise DataError(
            f"has no effect: the rows are of the form {form}, and have no negatives",
            where="/model/spec/hard_negatives",
            hint='data.form "pair" takes them as pairs that belong together',
        )
    if wanted not in loss.forms:
        raise DataError(
            f"{loss.loss_type} learns from rows of the form {' or '.join(loss.forms)}, and these are {form}",
            where=f"{LOSS}/loss_type",
            hint=_others(form),
        )
    if spec.loss is None and not isinstance(loss, IN_BATCH) and departs(spec, "batches"):
        raise DataError(
            f"has no effect: {loss.loss_type}, the loss of such rows, takes no negatives from a batch",
            where="/model/spec/batches",
            hint="take it out",
        )
    if form == "pair_class" and not isinstance(loss, Softmax):
        together = alike_class({str(row.label) for row in rows})
        if together is None:
            shown = ", ".join(repr(name) for name in sorted({str(row.label) for row in rows})[:10])
            raise DataError(
                f"{loss.loss_type} has to know which class belongs together, and the classes are {shown}",
                where=f"{LOSS}/loss_type",
                hint="softmax learns any classes; two classes called 0 and 1, or no and yes, are known",
            )
        rows, held = (
            KeptRows(cache, (replace(row, score=float(row.label == together), label=None) for row in side)).all()
            for side in (rows, held)
        )
    if isinstance(loss, OnlineContrastive) and any(row.score not in (0.0, 1.0) for row in rows):
        raise DataError(
            "online_contrastive learns from scores of 0 and 1, and there are others",
            where=f"{LOSS}/loss_type",
            hint="cosent, angle and cosine_similarity learn from any scores",
        )
    return loss, rows, held


def trained_classes(loss: LossSpec, rows: Sequence[PairRow]) -> list[str]:
    """The classes of a loss that tells them apart, in their order."""
    return sorted({str(row.label) for row in rows}) if isinstance(loss, Softmax) else []


def _others(form: str) -> str:
    names = {
        "pair": "multiple_negatives_ranking, cached_multiple_negatives_ranking; triplet with hard_negatives",
        "triplet": "triplet, multiple_negatives_ranking, cached_multiple_negatives_ranking",
        "pair_score": "cosent, angle, cosine_similarity, online_contrastive",
        "pair_class": "softmax; of two classes also cosent, angle, cosine_similarity, online_contrastive",
    }
    return f"such rows: {names[form]}; or leave it out"
