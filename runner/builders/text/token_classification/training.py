"""Trains a tagger: words become tokens in windows, the shared loop does the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from runner.builders._finetuning import finetuned_card, finetuned_model, pretrained_base
from runner.builders._finetuning.batched_rows import BatchedRows
from runner.builders._finetuning.nothing_learned import need_numbers
from runner.builders._finetuning.opened_model import open_model
from runner.builders._finetuning.pretrained_base import BASE
from runner.builders._finetuning.train_and_store import store, tune
from runner.builders.text.token_classification.stored import batch_of, head_of, tokenizer_of, word_odds
from runner.builders.text.token_classification.windows import NOT_LEARNED, Windows, windows_of
from runner.contract import FootprintContext, TrainContext, TrainResult
from runner.contract.quantities import counted
from runner.data.tagged_tokens.tagged_row import OUTSIDE, TaggedRow, labels_of
from runner.errors import DataError
from runner.store import unnamed_files
from runner.tasks.token_labels import TASK
from runner.tasks.token_labels.baselines import baselines
from runner.tasks.token_labels.judged_tags import Judged
from runner.tasks.token_labels.measuring import measure_tags, score
from runner.tasks.token_labels.tag_decoding import decode
from runner.training.tokens import Tokens

#: How the model is used by the library that it is of.
CODE = (
    "from transformers import pipeline",
    "",
    'tagger = pipeline("token-classification", model=".", aggregation_strategy="first")',
    'print(tagger("Ida Novak flew to Oslo."))',
)


def train(spec: Any, context: TrainContext) -> TrainResult:
    """Tokenise, train, store, measure what was stored."""
    data = context.data
    train_rows, held = data.train.rows, data.validation.rows
    types = kept_types(context, data.train.types)
    labels, head = labels_of(types), head_of(types)
    base = pretrained_base.find(spec, context, head)
    tokenizer = tokenizer_of(base.folder, base.config, BASE)
    padding = tokenizer.pad_token_id or 0
    windows, held_windows = read_sides(spec, context, tokenizer)
    learned, mass, used = learned_windows(spec, windows, train_rows, labels)
    opened = open_model(spec, context, base, head)
    weights = torch.ones(len(labels), device=context.device)
    weights[0] = spec.outside_weight
    batch = batch_of(windows, padding)

    def loss(output: Any, chosen: np.ndarray) -> torch.Tensor:
        wanted = torch.from_numpy(learned.padded(used[chosen], NOT_LEARNED)[0]).to(output.logits.device)
        return functional.cross_entropy(
            output.logits.float().flatten(0, 1),
            wanted.flatten(),
            weight=weights.to(output.logits.device),
            ignore_index=NOT_LEARNED,
            reduction="sum",
            label_smoothing=spec.label_smoothing,
        )

    rows = BatchedRows(
        len(used), lambda chosen: batch(used[chosen]), loss, lengths=windows.tokens.lengths[used], mass=mass[used]
    )

    def odds(model: Any) -> list[np.ndarray]:
        texts = [row.tokens for row in held]
        return word_odds(model, held_windows, texts, padding, context.device, stop_requested=context.stop_requested)

    def measure() -> dict[str, float | None]:
        if not held:
            return {}
        own = odds(opened.model)
        metrics, _ = score(Judged(_tags(own, labels), [row.tags for row in held]), context.seed)
        figures = {name: metrics[name] for name in spec.measures if name in metrics}
        figures |= {"log_loss": _log_loss(own, held, labels, held_windows)}
        need_numbers(figures)
        return figures

    fitted = tune(spec, context, opened, rows, measure)
    document = {"types": list(types), "max_length": spec.max_length, "stride": spec.stride}
    model = store(spec, context, opened, document, tokenizer)
    own = odds(model)
    words, true = [row.tokens for row in held], [row.tags for row in held]
    first = ((row.tokens for row in train_rows), (row.tags for row in train_rows))
    beside = baselines(*first, words, true, context.seed) if held else None
    metrics, tables = measure_tags(
        _tags(own, labels), true, words, [row.line for row in held], context.seed, baselines=beside
    )
    metrics["log_loss"] = _log_loss(own, held, labels, held_windows) if held else None
    metrics |= {"n_train": len(train_rows), "n_windows": len(used)}
    finetuned_card.write(
        context.artifact, spec, opened.name, TASK, metrics, pipeline="token-classification", code=CODE,
        told=[f"entities: {', '.join(types)}", f"windows of {spec.max_length} tokens that share {spec.stride}"],
    )  # fmt: skip
    return TrainResult(
        metrics,
        epochs=fitted.epochs,
        best_epoch=fitted.best_epoch,
        tables={table.name: table.as_dict() for table in tables},
        parameters=dict(fitted.parameters),
    )


def read_sides(spec: Any, context: TrainContext | FootprintContext, tokenizer: Any) -> tuple[Windows, Windows]:
    """Both sides of ``context.data`` as windows. Tells of words that are no token."""
    data: Any = context.data
    train, held = data.train.rows, data.validation.rows
    windows, held_windows = (
        windows_of(tokenizer, (row.tokens for row in side), spec.max_length, spec.stride, context.cache)
        for side in (train, held)
    )
    _tell(context, train, windows, held, held_windows)
    return windows, held_windows


def learned_windows(
    spec: Any, windows: Windows, rows: Sequence[TaggedRow], labels: Sequence[str]
) -> tuple[Tokens, np.ndarray, np.ndarray]:
    """What is learned at every token; what each window counts, float64 ``[n]``; and which windows count, int64.

    Raises :class:`DataError` where no word of an entity is a token.
    """
    learned = windows.labels((row.tags for row in rows), labels, spec.labelled == "all")
    mass = _mass(learned, spec.outside_weight)
    used = np.flatnonzero(mass > 0)
    if not len(used) or not any((part > 0).any() for part in unnamed_files.parts(learned.ids)):
        raise DataError(
            "no word of an entity is a token of this model",
            where="/data/dataset",
            hint="is the model of this language?",
        )
    return learned, mass, used


def kept_types(context: TrainContext | FootprintContext, types: tuple[str, ...]) -> tuple[str, ...]:
    """The types of entities: those of the model that the run goes on from, where it does.

    Raises :class:`DataError` where the data has others.
    """
    if context.start_from is None:
        return types
    known = tuple(finetuned_model.read(context.start_from)["types"])
    if others := sorted(set(types) - set(known)):
        raise DataError(
            f"the model that the run goes on from knows no {', '.join(map(repr, others))}: it knows {', '.join(known)}",
            where="/run/start_from",
            hint="name it as base_model_name: then its head is made anew",
        )
    return known


def _mass(learned: Tokens, outside_weight: float) -> np.ndarray:
    """What every window counts in a step's mean: the weights of the tokens that are learned in it, float64 ``[n]``."""

    def weights(some: np.ndarray) -> np.ndarray:
        return np.where(some == NOT_LEARNED, 0.0, np.where(some == 0, outside_weight, 1.0))

    return learned.added(weights)


def _tags(odds: Sequence[np.ndarray], labels: Sequence[str]) -> list[list[str]]:
    return [[labels[at] for at in decode(each).tolist()] for each in odds]


def _log_loss(
    odds: Sequence[np.ndarray], rows: Sequence[TaggedRow], labels: Sequence[str], windows: Windows
) -> float | None:
    """The mean of minus the logarithm of the true tags' probabilities, over the words that are read and whose type was
    learned; None where there is none."""
    number = {label: at for at, label in enumerate(labels)}
    sums, count = 0.0, 0
    for text, (own, row) in enumerate(zip(odds, rows, strict=True)):
        unread = set(windows.unread.get(text, ()))
        known = [(at, number[tag]) for at, tag in enumerate(row.tags) if tag in number and at not in unread]
        if known:
            at, wanted = np.array(known).T
            sums -= float(np.log(np.maximum(own[at, wanted], np.finfo(np.float64).tiny)).sum())
            count += len(known)
    return sums / count if count else None


def _tell(
    context: TrainContext | FootprintContext,
    rows: Sequence[TaggedRow],
    windows: Windows,
    held: Sequence[TaggedRow],
    held_windows: Windows,
) -> None:
    """Long texts, and words of entities that the tokenizer makes no token of."""
    for part, own, side in ((rows, windows, "training"), (held, held_windows, "the held-out rows")):
        lost = [
            part[text].line
            for text, words in own.unread.items()
            if any(part[text].tags[word] != OUTSIDE for word in words)
        ]
        if lost:
            shown = ", ".join(map(str, lost[:5])) + (", ..." if len(lost) > 5 else "")
            context.emit(
                "warning",
                message=f"words of entities are no token of this model, in {counted(len(lost), 'rows')} of {side} (row "
                f"{shown}): they cannot be learned or found",
                pointer="/data/dataset",
            )
