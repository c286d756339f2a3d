"""The training of a model of pictures and language: tokens, the loop, what is answered, and the stored model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from runner.builders._finetuning import finetuned_card, pretrained_base, train_and_store
from runner.builders._finetuning.batched_rows import BatchedRows
from runner.builders._finetuning.nothing_learned import need_numbers
from runner.builders._finetuning.opened_model import open_model
from runner.builders.language._rows import row_report
from runner.builders.text._targets.target_loss import Foretold
from runner.builders.vision._talking import answer_scores, pictured_batches, pictured_loss
from runner.builders.vision._talking.answer_scores import AskedRow, Scores
from runner.builders.vision._talking.picture_answerer import PictureAnswerer
from runner.builders.vision._talking.pictured_base import PictureProcessor, check_form, head_of
from runner.builders.vision._talking.pictured_tokens import PicturedTokens, encoded
from runner.builders.vision.vision_language import ANSWERED, TASK, Spec
from runner.chat.renderer import ChatRenderer
from runner.contract import Table, TrainContext, TrainResult
from runner.statistics.loss_intervals import loss_ends
from runner.statistics.paired_bootstrap import Resampled
from runner.tasks.against_baselines import against_best
from runner.tasks.generation.options import PicturedOptions

#: What a table of what was there before shows.
COLUMNS = ("loss", "loss_low", "loss_high", "token_accuracy", "exact_match", "anls")


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Train, answer held-out rows, and store. See :class:`~runner.contract.TrainContext`."""
    base = pretrained_base.find(spec, context, head_of(spec))
    check_form(base)
    place = f"{pretrained_base.BASE}: {base.folder}"
    processor = PictureProcessor.of_folder(base.folder, base.config, place)
    renderer = ChatRenderer.of(processor.tokenizer, spec.chat.template, picture=processor.token)
    for sentence in renderer.warnings:
        context.emit("warning", message=sentence, pointer="/model/spec/chat/template")
    learned = encoded(context.data.train, processor, renderer, spec.max_length, "train")
    held = encoded(context.data.validation, processor, renderer, spec.max_length, "validation")
    row_report.tell([learned.report, held.report], context.emit, context.data.most_lost)
    opened = open_model(spec, context, base, head_of(spec))
    processor.check(opened.model)
    document = {
        "image_token_id": processor.token_id,
        "chat": renderer.as_document(),
        "max_length": spec.max_length,
    }
    asked = answer_scores.asked_rows(held.rows, spec.evaluation.limit, context.seed)
    options = PicturedOptions(max_new_tokens=spec.evaluation.max_new_tokens)

    def answered(model: Any) -> Scores | None:
        was = model.training
        model.eval()
        answerer = PictureAnswerer(model, processor, renderer)
        found = answer_scores.answer(answerer, asked, len(held), options, context.batch_size)
        model.train(was)
        return found

    def foretold(model: Any) -> Foretold:
        return pictured_loss.foretold(model, held, processor, context.device, context.stop_requested)

    def measured(model: Any) -> dict[str, float | None]:
        found = foretold(model).metrics()
        if spec.criterion() in ANSWERED:
            scores = answered(model)
            found |= dict.fromkeys(ANSWERED) if scores is None else scores.metrics()
        return found

    before = foretold(opened.model)
    fitted = train_and_store.tune(spec, context, opened, _batched(learned, processor), lambda: measured(opened.model))
    name = opened.name
    _tell_ends(opened.model, processor, renderer)
    model = train_and_store.store(spec, context, opened, document, processor)
    after = pictured_loss.foretold(model, held, processor, context.device)
    scores = answered(model)
    samples = after.redrawn(held.groups, context.seed)
    metrics: dict[str, float | int | None] = {
        **after.metrics(),
        **loss_ends(samples),
        **({} if scores is None else scores.metrics(context.seed)),
    }
    need_numbers(metrics)
    metrics |= {
        "n_train": len(learned),
        "n_validation": len(held),
        "train_tokens": learned.report.tokens,
        "trained_tokens": learned.report.trained_tokens,
        "picture_tokens": learned.picture_tokens,
    }
    if context.processes.first:
        _write_card(spec, context, name, metrics, processor)
    worst = None if scores is None else scores.table()
    tables = [_rows_table(learned, held), *_baselines(before, samples, learned, held, asked, context.seed)]
    return TrainResult(
        metrics=metrics,
        epochs=fitted.epochs,
        best_epoch=fitted.best_epoch,
        parameters=fitted.parameters,
        tables={table.name: table.as_dict() for table in (*tables, *([worst] if worst else []))},
    )


def _batched(learned: PicturedTokens, processor: PictureProcessor) -> BatchedRows:
    def loss(outputs: Any, chosen: np.ndarray) -> torch.Tensor:
        return pictured_loss.summed_loss(outputs.logits, [learned.labels[at] for at in chosen])

    batch = pictured_batches.batched(learned, processor)
    return BatchedRows(len(learned), batch, loss, learned.lengths, learned.learned.astype(np.float64))


def _tell_ends(model: Any, processor: PictureProcessor, renderer: ChatRenderer) -> None:
    """Have transformers ask the model as it was trained: by the template of the training, up to an end of a turn."""
    if renderer.template.name != "tokenizer":
        processor.tokenizer.chat_template = processor.processor.chat_template = renderer.template.source
    plain = model.get_base_model() if hasattr(model, "get_base_model") else model
    ends = list(renderer.stop_ids)
    if ends:
        plain.generation_config.eos_token_id = ends if len(ends) > 1 else ends[0]
    plain.generation_config.pad_token_id = processor.tokenizer.pad_token_id


def _rows_table(learned: PicturedTokens, held: PicturedTokens) -> Table:
    """Rows and tokens of both sides, those of pictures told apart."""
    table = row_report.table([learned.report, held.report])
    rows = [[*row, side.picture_tokens] for row, side in zip(table.rows, (learned, held), strict=True)]
    columns = [*table.columns, "picture tokens"]
    return Table("rows", table.title, columns, rows, decimals=dict.fromkeys(columns[1:], 0))


def _baselines(
    before: Foretold,
    own: Resampled | None,
    learned: PicturedTokens,
    held: PicturedTokens,
    asked: Sequence[AskedRow],
    seed: int,
) -> list[Table]:
    """What the base model foretold of the same rows, and answers that look at no picture; whether the loss ``own`` is
    better."""
    rows: list[list[Any]] = []
    base = before.redrawn(held.groups, seed)
    metrics = before.metrics() | loss_ends(base)
    if metrics["loss"] is not None:
        rows.append(["base model", *(metrics.get(column) for column in COLUMNS)])
    if asked:
        texts = answer_scores.most_frequent(learned.rows, asked)
        found = {name: figure.value for name, figure in answer_scores.scored(texts, asked).items()}
        rows.append(["the most frequent answer to each question", *(found.get(column) for column in COLUMNS)])
    decimals = dict.fromkeys(COLUMNS, 3)
    table = Table("baselines", "Without training, on the same rows", ["model", *COLUMNS], rows, decimals=decimals)
    return [table, *against_best(TASK, own, {"base model": base}, share=False)]


def _write_card(
    spec: Spec, context: TrainContext, name: str, metrics: dict[str, Any], processor: PictureProcessor
) -> None:
    adapter = spec.save_as == "adapter"
    auto = "AutoModelForImageTextToText.from_pretrained"
    code = [
        *(["from peft import PeftModel"] if adapter else []),
        "from PIL import Image",
        "from transformers import AutoModelForImageTextToText, AutoProcessor",
        "",
        'folder = "."  # this folder, or the name of its repository',
        "model = " + (f'PeftModel.from_pretrained({auto}("BASE"), folder)' if adapter else f"{auto}(folder)"),
        "processor = AutoProcessor.from_pretrained(folder)",
        'turns = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is this?"}]}]',
        "text = processor.apply_chat_template(turns, add_generation_prompt=True)",
        'picture = Image.open("picture.jpg").convert("RGB")',
        'inputs = processor(text=text, images=picture, return_tensors="pt")',
        "made = model.generate(**inputs, do_sample=False, max_new_tokens=64)",
        'print(processor.decode(made[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))',
    ]
    told = [
        f"rows of at most {spec.max_length:,} tokens, {processor.count:,} of them for each picture",
        "trained: the language side"
        + (", the projector" if spec.train_projector else "")
        + (", the vision tower" if spec.train_vision_tower else ""),
    ]
    finetuned_card.write(
        context.artifact, spec, name, TASK, metrics, pipeline="image-text-to-text", code=code, told=told
    )
