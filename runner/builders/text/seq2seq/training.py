"""The training of a model that turns texts into others: tokens, the loop, what is written, and the stored model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from runner.builders._finetuning import pretrained_base, train_and_store
from runner.builders._finetuning.batched_rows import BatchedRows
from runner.builders._finetuning.nothing_learned import need_numbers
from runner.builders._finetuning.opened_model import OpenedModel, open_model
from runner.builders.text._targets import target_card, target_loss, writing_settings
from runner.builders.text._targets.encoder_decoder import HEAD, check_parts
from runner.builders.text._targets.source_tokenizer import open_tokenizer
from runner.builders.text._targets.target_tokens import NOT_LEARNED, TargetTokens, cut_table, encoded
from runner.builders.text._targets.target_writer import TargetWriter
from runner.builders.text._targets.written_scores import AskedSources, Scores, scored, write
from runner.builders.text.seq2seq import TASK, WRITTEN, Spec
from runner.contract import Table, TrainContext, TrainResult
from runner.statistics.loss_intervals import loss_ends
from runner.statistics.paired_bootstrap import Resampled
from runner.tasks.against_baselines import against_best
from runner.tasks.generation.options import SettledOptions

#: What a table of what was there before shows.
COLUMNS = ("loss", "loss_low", "loss_high", "token_accuracy", "rouge1", "rougeL", "bleu", "chrf")


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Train, write the targets of held-out sources, and store. See :class:`~runner.contract.TrainContext`."""
    base = pretrained_base.find(spec, context, HEAD)
    check_parts(base)
    tokenizer = open_tokenizer(base.folder, pretrained_base.BASE, spec.source_language, spec.target_language)
    learned = encoded(context.data.train, tokenizer, spec, "train", context.cache)
    held = encoded(context.data.validation, tokenizer, spec, "validation", context.cache)
    for side in (learned, held):
        side.cut.tell(context.emit, spec)
    opened = open_model(spec, context, base, HEAD)
    opened.model.config.pad_token_id = tokenizer.pad_token_id
    own = writing_settings.written_as(spec)
    writing_settings.settle(opened.model, tokenizer, own, spec.target_language)
    document = {
        "source_prefix": spec.source_prefix,
        "max_length": spec.max_length,
        "source_language": spec.source_language,
        "target_language": spec.target_language,
        "written_as": own,
    }
    asked = AskedSources.of(held, spec.evaluation.limit, context.seed)
    options = SettledOptions.model_validate(own)

    def written(model: Any) -> Scores | None:
        was = model.training
        model.eval()
        found = write(TargetWriter(model, tokenizer, document), asked, options, context.batch_size)
        model.train(was)
        return found

    def measured(model: Any) -> dict[str, float | None]:
        found = target_loss.foretold(model, held, context.device, context.stop_requested).metrics()
        if spec.criterion() in WRITTEN:
            scores = written(model)
            found |= dict.fromkeys(WRITTEN) if scores is None else scores.metrics()
        return found

    before = target_loss.foretold(opened.model, held, context.device, context.stop_requested)
    vocabulary = int(opened.model.config.vocab_size)
    rows = _batched(spec, opened, learned)
    fitted = train_and_store.tune(spec, context, opened, rows, lambda: measured(opened.model))
    model = train_and_store.store(spec, context, opened, document, tokenizer)
    writing_settings.settle(model, tokenizer, own, spec.target_language)
    after = target_loss.foretold(model, held, context.device)
    scores = written(model)
    samples = after.redrawn(held.owners, context.seed)
    metrics: dict[str, float | int | None] = {
        **after.metrics(),
        **loss_ends(samples),
        **({} if scores is None else scores.metrics(context.seed)),
    }
    need_numbers(metrics)
    metrics |= {
        "n_train": len(learned),
        "n_validation": len(held),
        "train_tokens": int(learned.lengths.sum()),
        "trained_tokens": int(learned.learned.sum()),
    }
    if context.processes.first:
        target_card.write(context.artifact, spec, opened.name, TASK, metrics)
    frequency = target_loss.by_frequency(learned, held, vocabulary)
    rivals = {"base model": before, "how often tokens come": frequency}
    baselines = _baselines(rivals, samples, asked, held.owners, context.seed)
    tables = [cut_table([learned, held]), *baselines, *([] if scores is None else [scores.table()])]
    return TrainResult(
        metrics=metrics,
        epochs=fitted.epochs,
        best_epoch=fitted.best_epoch,
        parameters=fitted.parameters,
        tables={table.name: table.as_dict() for table in tables},
    )


def _batched(spec: Spec, opened: OpenedModel, learned: TargetTokens) -> BatchedRows:
    begins = target_loss.decoder_inputs(opened.model)
    padding = int(opened.model.config.pad_token_id)

    def batch(chosen: np.ndarray) -> dict[str, torch.Tensor]:
        sources = [learned.sources[at] for at in learned.owners[chosen]]
        return target_loss.batch_of(sources, [learned.labels[at] for at in chosen], begins, padding)

    def loss(outputs: Any, chosen: np.ndarray) -> torch.Tensor:
        labels = target_loss.padded([learned.labels[at] for at in chosen], NOT_LEARNED)
        return target_loss.summed_loss(outputs.logits, labels, spec.label_smoothing)

    return BatchedRows(len(learned), batch, loss, learned.lengths, learned.learned.astype(np.float64))


def _baselines(
    rivals: Mapping[str, target_loss.Foretold],
    own: Resampled | None,
    asked: AskedSources,
    groups: np.ndarray,
    seed: int,
) -> list[Table]:
    """What others foretold of the same rows, and the sources as they stand; whether the loss ``own`` is better."""
    rows: list[list[Any]] = []
    redrawn = {name: found.redrawn(groups, seed) for name, found in rivals.items()}
    for name, found in rivals.items():
        metrics = found.metrics() | loss_ends(redrawn[name])
        if metrics["loss"] is not None:
            rows.append([name, *(metrics.get(column) for column in COLUMNS)])
    if asked.texts:
        copied = {name: figure.value for name, figure in scored(asked.texts, asked.references).items()}
        rows.append(["the source as it stands", *(copied.get(column) for column in COLUMNS)])
    decimals = dict.fromkeys(COLUMNS, 3) | {"bleu": 2, "chrf": 2}
    table = Table("baselines", "Without training, on the same rows", ["model", *COLUMNS], rows, decimals=decimals)
    return [table, *against_best(TASK, own, redrawn, share=False)]
