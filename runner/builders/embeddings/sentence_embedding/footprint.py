"""What training of a sentence encoder will take: all texts of a batch go through it before there is a loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from runner.builders._finetuning.batched_rows import BatchedRows
from runner.builders._finetuning.pretrained_base import BASE
from runner.builders._memory_estimate import finetuning_estimate, token_batches
from runner.builders._memory_estimate.base_configuration import base_of
from runner.builders._memory_estimate.finetuning_estimate import SHORTER, Exercise
from runner.builders.embeddings._encoding.fitting_loss import fitting, trained_classes
from runner.builders.embeddings._encoding.library_losses import LibraryModel, loss_module
from runner.builders.embeddings._encoding.pair_examples import Examples, examples_of, without_shared_texts
from runner.builders.embeddings._encoding.text_vectors import BODY, TextReader, TextVectors, drop_pooler
from runner.builders.embeddings._fields.loss_fields import (
    IN_BATCH,
    CachedMultipleNegatives,
    CosineSimilarity,
    LossSpec,
    OnlineContrastive,
    Softmax,
    Triplet,
    usual,
)
from runner.builders.embeddings.sentence_embedding.training import (
    Learned,
    Sides,
    dims_of,
    prompts_of,
    settings_of,
    step_parts,
)
from runner.contract import Footprint, FootprintContext
from runner.data.dialogues.row_types import PairRow
from runner.training import precision
from runner.training.pretrained_tokenizer import read_tokenizer
from runner.training.sentence_encoder_settings import Settings

#: What is said of negatives that only the base's weights can find.
MINED = "hard negatives are not looked for: other rows' texts are in their place, and as many of them"
#: Classes that are taken of rows that were not read.
UNREAD = ("one", "other")


@dataclass(frozen=True)
class _Known:
    """What is known of the rows."""

    sides: Sides
    loss: LossSpec
    classes: int
    held: int
    #: The texts that measuring encodes.
    asked: Any


def estimate(spec: Any, context: FootprintContext) -> Footprint:
    """See :func:`runner.builders._memory_estimate.finetuning_estimate.estimate`."""
    base, here = base_of(spec, context, BODY)
    settings = settings_of(spec, base.source)
    exact = context.data is not None and here
    known = _read(spec, context, base, settings) if exact else _unread(spec, context)
    asked = known.asked
    largest = token_batches.largest_measured(asked.lengths) if len(asked) else None
    made: dict[str, Any] = {}

    def whole(model: Any) -> Any:
        """What trains; its loss is kept, for it has the layer of classes."""
        drop_pooler(model)
        vectors = TextVectors(model, settings)
        # What a CPU has no arithmetic for is told of by what calls this.
        computed = precision.usable(spec.precision, context.device, "", lambda *_, **__: None)
        library = LibraryModel(vectors, vectors, context.device, computed)
        made["loss"], head = loss_module(known.loss, dims_of(spec, settings), library, known.classes, context.seed)
        return Learned(vectors, head)

    def measure(model: Any) -> Any:
        ids, mask = (torch.from_numpy(part).to(context.device) for part in asked.padded(largest, 0))
        return model.vectors(ids, mask)

    lengths = known.sides.lengths
    exercise = Exercise(
        BatchedRows(len(known.sides.found), lambda chosen: {}, lambda outputs, chosen: outputs, lengths),
        known.held,
        None if largest is None else measure,
        token_batches.kept(known.sides.anchors, known.sides.others),
        exact,
        parts=lambda model, computed: step_parts(context.batch_size, context.device, made["loss"], known.sides),
        order=_order(spec, context, known) if exact else None,
        whole=whole,
    )
    found = finetuning_estimate.estimate(
        spec, context, base, BODY, exercise, notes=[] if spec.hard_negatives is None else [MINED], savings=[SHORTER]
    )
    return found if found.memory is None else replace(found, savings=_savings(found.savings, known.loss))


def _read(spec: Any, context: FootprintContext, base: Any, settings: Settings) -> _Known:
    data: Any = context.data
    loss, rows, held = fitting(spec, data.train, data.validation, context.cache)
    dims_of(spec, settings)
    classes = trained_classes(loss, rows)
    if spec.hard_negatives is not None:
        rows = _with_negatives(rows, spec.hard_negatives.count)
    reader = TextReader(read_tokenizer(base.source, BASE), settings)
    prompts = prompts_of(spec, settings)
    found = examples_of(rows, classes, context.seed, context.cache, one_negative=isinstance(loss, Triplet))
    texts = list(dict.fromkeys(text for row in held for text in (row.positive, *row.negatives)))
    anchors = reader.tokens(list(dict.fromkeys(row.anchor for row in held)), prompts.anchor)
    others = reader.tokens(texts, prompts.positive)
    asked = max((anchors, others), key=lambda each: int(each.lengths.max(initial=0)) * min(64, len(each)))
    return _Known(Sides.of(found, reader, prompts, context.cache), _steady(loss), len(classes), len(held), asked)


def _unread(spec: Any, context: FootprintContext) -> _Known:
    """Pairs of texts that are as long as may be."""
    loss = usual("pair") if spec.loss is None else spec.loss
    count = token_batches.as_many(spec, context)
    mined = 0 if spec.hard_negatives is None or isinstance(loss, Triplet) else spec.hard_negatives.count
    width = 1 + max(mined, int(isinstance(loss, Triplet)))
    anchors, others = token_batches.full(count, spec.max_length), token_batches.full(count * width, spec.max_length)
    places = np.arange(count * width).reshape(count, width)
    found = Examples([""] * count, [""] * count * width, np.arange(count), places, np.zeros(count))
    classes = len(UNREAD) if isinstance(loss, Softmax) else 0
    return _Known(Sides(found, anchors, others, 0), _steady(loss), classes, count, anchors)


def _steady(loss: LossSpec) -> LossSpec:
    """A loss that asks for numbers picks pairs by their distance: without them it is over all, as large."""
    if isinstance(loss, OnlineContrastive):
        return CosineSimilarity(loss_type="cosine_similarity")
    return loss


def _with_negatives(rows: Sequence[PairRow], count: int) -> list[PairRow]:
    """Each row with so many more negatives, texts of the rows behind it."""
    return [
        replace(
            row, negatives=(*row.negatives, *(rows[(at + one) % len(rows)].positive for one in range(1, count + 1)))
        )
        for at, row in enumerate(rows)
    ]


def _order(spec: Any, context: FootprintContext, known: _Known) -> Any:
    """An epoch's order where no batch may have a text twice; None where it is by length."""
    if not isinstance(known.loss, IN_BATCH) or spec.batches != "no_duplicates":
        return None
    return without_shared_texts(known.sides.found, context.batch_size, context.seed)[0]


def _savings(usual: Any, loss: LossSpec) -> list[str]:
    """A smaller batch has other negatives, and is another training: a loss that is computed bit by bit is the same."""
    others = [each for each in usual if not each.startswith("a smaller batch_size")]
    if isinstance(loss, CachedMultipleNegatives):
        return ["a smaller loss.rows_at_once", *others]
    if isinstance(loss, IN_BATCH):
        return ["the loss cached_multiple_negatives_ranking", *others]
    return ["a smaller batch_size", *others]
