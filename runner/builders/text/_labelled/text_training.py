"""The training of both kinds: texts become tokens, the encoder is opened with its head, tuned, stored and measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from runner.builders._finetuning import finetuned_card, finetuned_model, pretrained_base
from runner.builders._finetuning.batched_rows import BatchedRows, forward_batches, measured_batches
from runner.builders._finetuning.nothing_learned import need_numbers
from runner.builders._finetuning.opened_model import open_model
from runner.builders._finetuning.opened_tokenizer import open_text_tokenizer
from runner.builders._finetuning.pretrained_base import BASE, PretrainedBase
from runner.builders._finetuning.train_and_store import store, tune
from runner.builders.text._labelled.encoded_texts import EncodedTexts, encode
from runner.builders.text._labelled.target_heads import Targets
from runner.contract import FootprintContext, Table, Task, TrainContext, TrainResult
from runner.contract.quantities import counted
from runner.data.labelled_texts.labelled_side import LabelledSide
from runner.errors import DataError

#: The loss of some rows' outputs: logits ``[B, outputs]`` and the rows, a sum.
Loss = Callable[[torch.Tensor, np.ndarray], torch.Tensor]
Figures = dict[str, float | None]
#: Lines that a warning names.
SHOWN = 10


@dataclass(frozen=True)
class Learned:
    """What a kind says of its training."""

    task: Task
    loss: Loss
    #: What each row counts in a step's mean, float64 ``[n]``; None: 1 each.
    mass: np.ndarray | None
    #: The figures of answers for the held-out rows, while it trains.
    figures: Callable[[Mapping[str, np.ndarray]], Figures]
    #: What is told of the trained model: of its answers for held-out rows, and a function that answers other rows.
    told: Callable[[Mapping[str, np.ndarray], Callable[[LabelledSide], Mapping[str, np.ndarray]]], Told]


@dataclass(frozen=True)
class Told:
    """What is told of a trained model."""

    metrics: dict[str, Any]
    tables: list[Table]
    parameters: dict[str, Any]
    #: What the stored model keeps beside its targets.
    document: dict[str, Any]


def kept_targets(context: TrainContext | FootprintContext, train: LabelledSide) -> Targets:
    """The targets, those of the model that the run goes on from where it does.

    Raises :class:`DataError` where that one has other classes.
    """
    own = Targets.of(train)
    if context.start_from is None:
        return own
    before = Targets.read(finetuned_model.read(context.start_from))
    if before.names != own.names or before.many != own.many:
        raise DataError(
            "the model that the run goes on from has other classes or targets than the data: "
            f"{', '.join(map(repr, before.names[:SHOWN]))}",
            where="/run/start_from",
            hint="name it as base_model_name: then its head is made anew",
        )
    return before


def train_texts(
    spec: Any, context: TrainContext, train: LabelledSide, targets: Targets, learned: Learned
) -> TrainResult:
    """Learn ``train``, measure the held-out rows of ``context.data``."""
    held: LabelledSide = context.data.validation
    base = pretrained_base.find(spec, context, targets.head(0))
    tokenizer = open_text_tokenizer(base.folder, base.config, BASE)
    head = targets.head(int(tokenizer.pad_token_id))
    tokens, held_tokens = read_sides(spec, context, base, tokenizer, train, held)
    opened = open_model(spec, context, base, head)

    def outputs(model: Any, of: EncodedTexts, stop_requested: Callable[[], bool] = lambda: False) -> np.ndarray:
        return head_outputs(model, of, len(targets.names), context.device, stop_requested)

    def measure() -> Figures:
        if not len(held):
            return dict.fromkeys(spec.measures)
        found = outputs(opened.model, held_tokens, context.stop_requested)
        return learned.figures(targets.answers(found))

    rows = BatchedRows(
        len(train), tokens.batch, lambda output, some: learned.loss(output.logits, some), tokens.lengths, learned.mass
    )
    fitted = tune(spec, context, opened, rows, measure)
    columns = {"text_columns": list(context.data.record["columns"]["text"]), "paired": train.paired}
    document = {**targets.document(), **columns, "max_length": spec.max_length}
    document["told_kinds"] = told_kinds(base.config, tokenizer)
    model = store(spec, context, opened, document, tokenizer)

    def answered(side: LabelledSide) -> Mapping[str, np.ndarray]:
        return targets.answers(outputs(model, encode_side(tokenizer, side, spec, context, base.config)))

    told = learned.told(targets.answers(outputs(model, held_tokens)), answered)
    need_numbers({name: value for name, value in told.metrics.items() if isinstance(value, float)})
    if told.document and context.processes.first:
        finetuned_model.add(context.artifact, told.document)
    metrics = told.metrics | {
        "n_train": len(train),
        "train_tokens": int(tokens.lengths.sum()),
        "n_cut": len(tokens.cut),
    }
    if context.processes.first:
        finetuned_card.write(
            context.artifact,
            spec,
            opened.name,
            learned.task,
            metrics,
            pipeline="text-classification",
            code=_code(spec, targets, train.paired),
            told=_told(spec, targets),
        )
    return TrainResult(
        metrics=metrics,
        epochs=fitted.epochs,
        best_epoch=fitted.best_epoch,
        parameters=fitted.parameters | told.parameters,
        tables={table.name: table.as_dict() for table in told.tables},
    )


def read_sides(
    spec: Any,
    context: TrainContext | FootprintContext,
    base: PretrainedBase,
    tokenizer: Any,
    train: LabelledSide,
    held: LabelledSide,
) -> tuple[EncodedTexts, EncodedTexts]:
    """Both sides as tokens. Tells of rows that are cut; raises :class:`DataError` for tokens that the model lacks."""
    found = []
    for name, side in (("training", train), ("validation", held)):
        tokens = encode_side(tokenizer, side, spec, context, base.config)
        _tell_cut(name, side, tokens, spec.max_length, context)
        found.append(tokens)
    _check_tokens(base, *found)
    return found[0], found[1]


def told_kinds(config: Mapping[str, Any], tokenizer: Any) -> bool:
    """Whether a model is told which text of a pair a token is of: it can be, and its tokenizer says so.

    The stored model is used with that tokenizer, by its own library too, where nobody else would tell it.
    """
    return int(config.get("type_vocab_size") or 0) > 1 and "token_type_ids" in tokenizer.model_input_names


def encode_side(
    tokenizer: Any,
    side: LabelledSide,
    spec: Any,
    context: TrainContext | FootprintContext,
    config: Mapping[str, Any],
) -> EncodedTexts:
    """The tokens of one side's texts."""
    return encode(
        tokenizer,
        side.texts,
        paired=side.paired,
        max_length=spec.max_length,
        told_kinds=side.paired and told_kinds(config, tokenizer),
        cache=context.cache,
    )


def head_outputs(
    model: Any,
    of: EncodedTexts,
    width: int,
    device: str,
    stop_requested: Callable[[], bool] = lambda: False,
    rows_at_most: int = 64,
) -> np.ndarray:
    """The head's outputs for all rows, float64 ``[n, width]``. Raises :class:`~runner.errors.Stopped` when asked to."""
    found = np.zeros((len(of), width))
    batches = measured_batches(of.lengths, rows_at_most)
    for chosen, output in forward_batches(model, batches, of.batch, device, stop_requested):
        found[chosen] = output.logits.double().cpu().numpy()
    return found


def worst_errors(
    side: LabelledSide, losses: np.ndarray, columns: Sequence[str], cells: Callable[[int], list[Any]]
) -> Table:
    """The held-out rows with the greatest losses, float64 ``[n]``, with their texts."""
    order = [int(at) for at in np.argsort(-losses, kind="stable")[:20] if losses[at] > 0]
    rows = [[int(side.lines[at]), *cells(at), _short(side.texts[at])] for at in order]
    return Table(
        "worst_errors",
        "Texts with the greatest errors",
        ["row", *columns, "text"],
        rows,
        note="Held-out rows, by their line or number in the data; the worst comes first.",
    )


def _short(texts: tuple[str, ...]) -> str:
    text = " | ".join(texts)
    return text if len(text) <= 300 else f"{text[:299]}…"


def _tell_cut(
    name: str, side: LabelledSide, tokens: EncodedTexts, max_length: int, context: TrainContext | FootprintContext
) -> None:
    if not len(tokens.cut):
        return
    lines = side.lines[tokens.cut[:SHOWN]]
    shown = ", ".join(map(str, lines)) + (", ..." if len(tokens.cut) > SHOWN else "")
    context.emit(
        "warning",
        message=f"{counted(len(tokens.cut), 'rows')} of {name} longer than {max_length:,} tokens: their ends are not "
        f"read: {shown}",
        pointer="/model/spec/max_length",
    )


def _check_tokens(base: PretrainedBase, *sides: EncodedTexts) -> None:
    """Raise :class:`DataError` where rows have tokens that the model has none of."""
    count = base.config.get("vocab_size")
    largest = max((side.tokens.largest for side in sides), default=0)
    if isinstance(count, int) and largest >= count:
        raise DataError(
            f"the rows have token {largest:,} of the tokenizer, and the model has {count:,} embeddings",
            where=f"{BASE}: {base.folder}",
            hint="take the tokenizer that the model was made with",
        )


def _told(spec: Any, targets: Targets) -> list[str]:
    what = "numbers" if targets.scales else "labels" if targets.many else "classes"
    told = [
        f"{what}: {', '.join(f'`{name}`' for name in targets.names[:20])}"
        + (", ..." if len(targets.names) > 20 else "")
    ]
    told += [
        f"`{name}` is the model's output times {deviation:.6g} plus {mean:.6g}"
        for name, (mean, deviation) in targets.scales.items()
    ]
    return [*told, f"texts of at most {spec.max_length:,} tokens"]


def _code(spec: Any, targets: Targets, paired: bool) -> list[str]:
    lines = ["from transformers import AutoModelForSequenceClassification, AutoTokenizer", ""]
    adapter = spec.save_as == "adapter"
    if adapter:
        lines.insert(0, "from peft import PeftModel")
    lines.append('folder = "."  # this folder, or the name of its repository')
    if adapter:
        lines += [
            f'base = AutoModelForSequenceClassification.from_pretrained("BASE", num_labels={len(targets.names)})',
            "model = PeftModel.from_pretrained(base, folder).eval()",
        ]
    else:
        lines.append("model = AutoModelForSequenceClassification.from_pretrained(folder)")
    texts = '"A text.", "Another one."' if paired else '"A text."'
    lines += [
        "tokenizer = AutoTokenizer.from_pretrained(folder)",
        f'output = model(**tokenizer({texts}, return_tensors="pt")).logits',
    ]
    if targets.scales:
        mean, deviation = next(iter(targets.scales.values()))
        return [*lines, f"print(output[0, 0].item() * {deviation:.9g} + {mean:.9g})"]
    if targets.many:
        return [*lines, "print(output.sigmoid())"]
    return [*lines, "print(model.config.id2label[output.argmax().item()])"]
