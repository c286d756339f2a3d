"""What training of a cross-encoder will take."""

from __future__ import annotations

from typing import Any

from runner.builders._finetuning._footprint import finetuned_footprint, known_rows
from runner.builders._finetuning._footprint.finetuned_footprint import SHORTER, Exercise
from runner.builders._finetuning._footprint.known_base import base_of
from runner.builders._finetuning.batched_rows import BatchedRows
from runner.builders._finetuning.pretrained_base import BASE
from runner.builders.embeddings._encoding.pair_reader import PairTokens, head_of, read_pairs
from runner.builders.embeddings.cross_encoder.training import classes_of, examples_of
from runner.contract import Footprint, FootprintContext
from runner.tasks.embedding.judging import pairs_of
from runner.training.pretrained_tokenizer import read_tokenizer


def estimate(spec: Any, context: FootprintContext) -> Footprint:
    """See :func:`runner.builders._finetuning._footprint.finetuned_footprint.estimate`."""
    data = context.data
    classes = [] if data is None else classes_of(spec, data.train)
    head = head_of(classes)
    base, here = base_of(spec, context, head)
    if data is None or not here:
        exercise = finetuned_footprint.unread(spec, context)
    else:
        tokenizer = read_tokenizer(base.source, BASE)
        pairs, _ = examples_of(data.train, classes, spec.negatives, context.seed)
        tokens, held = (read_pairs(tokenizer, some, spec.max_length) for some in (pairs, pairs_of(data.validation)))
        exercise = Exercise(
            BatchedRows(len(pairs), tokens.batch, known_rows.loss, tokens.ids.lengths),
            len(held.ids),
            known_rows.measured(held.ids.lengths, held.batch),
            _kept(tokens) + _kept(held),
        )
    return finetuned_footprint.estimate(spec, context, base, head, exercise, savings=[SHORTER])


def _kept(tokens: PairTokens) -> int:
    return known_rows.kept(tokens.ids, *([] if tokens.types is None else [tokens.types]))
