"""What training of a cross-encoder will take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runner.builders._finetuning.batched_rows import BatchedRows
from runner.builders._finetuning.pretrained_base import BASE
from runner.builders._memory_estimate import finetuning_estimate, token_batches
from runner.builders._memory_estimate.base_configuration import base_of
from runner.builders._memory_estimate.finetuning_estimate import SHORTER, Exercise
from runner.builders.embeddings._encoding.pair_reader import PairTokens, head_of, read_pairs
from runner.builders.embeddings.cross_encoder.training import classes_of, examples_of
from runner.contract import Footprint, FootprintContext
from runner.data.dialogues.row_types import PairRow
from runner.data.text_pairs.prepared_pairs import form_of
from runner.tasks.embedding.judging import pairs_of
from runner.training.pretrained_tokenizer import read_tokenizer


def estimate(spec: Any, context: FootprintContext) -> Footprint:
    """See :func:`runner.builders._memory_estimate.finetuning_estimate.estimate`."""
    data = context.data
    classes = [] if data is None else classes_of(spec, data.train)
    head = head_of(classes)
    base, here = base_of(spec, context, head)
    if data is None or not here:
        exercise = finetuning_estimate.unread(spec, context)
    else:
        tokenizer = read_tokenizer(base.source, BASE)
        pairs, targets = examples_of(data.train, classes, spec.negatives, context.seed, context.cache)
        asked = _asked(data.validation)
        tokens, held = (read_pairs(tokenizer, some, spec.max_length, context.cache) for some in (pairs, asked))
        exercise = Exercise(
            BatchedRows(len(targets), tokens.batch, token_batches.loss, tokens.ids.lengths),
            len(data.validation),
            token_batches.measured(held.ids.lengths, held.batch, context.device),
            _kept(tokens) + _kept(held),
        )
    return finetuning_estimate.estimate(spec, context, base, head, exercise, savings=[SHORTER])


def _asked(rows: Sequence[PairRow]) -> list[tuple[str, str]]:
    """Held-out pairs as they are read to be measured: where texts are searched, an anchor with every text."""
    if form_of(rows) in ("pair_score", "pair_class"):
        return pairs_of(rows)
    longest = max((row.anchor for row in rows), key=len, default="")
    return [(longest, text) for row in rows for text in (row.positive, *row.negatives)]


def _kept(tokens: PairTokens) -> int:
    return token_batches.kept(tokens.ids, *([] if tokens.types is None else [tokens.types]))
