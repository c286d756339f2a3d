"""Training of a sentence encoder on pairs of texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from runner.builders._finetuning import finetuned_card, finetuned_model
from runner.builders._finetuning.batched_rows import BatchedRows, on_device, trainee
from runner.builders._finetuning.nothing_learned import Start, need_numbers
from runner.builders._finetuning.opened_model import open_model
from runner.builders._finetuning.pretrained_base import find
from runner.builders.embeddings._encoding import mining, stored_encoder
from runner.builders.embeddings._encoding.fitting_loss import fitting, trained_classes
from runner.builders.embeddings._encoding.library_losses import LibraryModel, loss_module
from runner.builders.embeddings._encoding.pair_examples import Examples, examples_of, without_shared_texts
from runner.builders.embeddings._encoding.text_vectors import (
    BODY,
    Prompts,
    TextReader,
    TextVectors,
    VectorComparer,
    batch_of,
    drop_pooler,
)
from runner.builders.embeddings._fields.loss_fields import IN_BATCH, Triplet
from runner.builders.embeddings.sentence_embedding.predictor import CLASSIFIER, Predictor
from runner.contract import TrainContext, TrainResult
from runner.data.dialogues.row_types import PairRow
from runner.errors import DataError
from runner.store.tensors import write_tensors
from runner.tasks.embedding import TASK
from runner.tasks.embedding.judging import Judged, judge
from runner.tasks.embedding.measuring import embedding_map, metrics_and_tables, word_overlap
from runner.training import precision
from runner.training.loop import fit
from runner.training.pretrained_tokenizer import read_tokenizer
from runner.training.sentence_encoder_settings import Settings
from runner.training.tokens import Tokens

#: How the stored model is used.
CODE = (
    "from sentence_transformers import SentenceTransformer",
    "",
    'model = SentenceTransformer("PATH_OF_THIS_FOLDER")',
    'vectors = model.encode(["one text", "another"])',
    "print(model.similarity(vectors, vectors))",
)
#: Texts that are read at a time where nothing is learned.
READ = 64


class Learned(nn.Module):
    """All that is trained: the encoder, and the layer of classes beside it."""

    def __init__(self, vectors: TextVectors, head: nn.Linear | None) -> None:
        super().__init__()
        self.vectors = vectors
        if head is not None:
            self.head = head


def train(spec: Any, context: TrainContext) -> TrainResult:
    """Learn from pairs. What the rows and the loss do not fit is told before the model is loaded."""
    loss_spec, rows, held = fitting(spec, context.data.train, context.data.validation, context.cache)
    classes = trained_classes(loss_spec, rows)
    base = find(spec, context, BODY)
    settings = settings_of(spec, base.folder)
    reader = TextReader(read_tokenizer(base.folder, "/model/spec/base_model_name"), settings)
    prompts = prompts_of(spec, settings)
    opened = open_model(spec, context, base, BODY)
    drop_pooler(opened.model)
    vectors = TextVectors(opened.model, settings)
    asked = VectorComparer(vectors, reader, prompts, context.device)
    before = judge(asked, held)
    if spec.hard_negatives is not None:
        rows, count = mining.mined(rows, asked, spec.hard_negatives, READ)
        context.emit(
            "warning",
            message=f"{count:,} hard negatives were found for {len(rows):,} pairs",
            pointer="/model/spec/hard_negatives",
        )
    found = examples_of(rows, classes, context.seed, context.cache, one_negative=isinstance(loss_spec, Triplet))
    computed_in = precision.usable(spec.precision, context.device, "/model/spec/precision", context.emit)
    library = LibraryModel(vectors, vectors, context.device, computed_in)
    loss, head = loss_module(loss_spec, dims_of(spec, settings), library, len(classes), context.seed)
    learned = Learned(vectors, head).to(context.device)
    asked = VectorComparer(vectors, reader, prompts, context.device, head, classes if head is not None else ())
    sides = Sides.of(found, reader, prompts, context.cache)
    parts, lengths = step_parts(context.batch_size, context.device, loss, sides), sides.lengths
    task = trainee(
        spec,
        context,
        learned,
        BatchedRows(len(found), lambda chosen: {}, lambda outputs, chosen: outputs, lengths),
        lambda: judge(asked, held).metrics,
        parts=parts,
    )
    if isinstance(loss_spec, IN_BATCH) and spec.batches == "no_duplicates":
        order, left = without_shared_texts(found, context.batch_size, context.seed)
        task = replace(task, order=order, tokens=_tokens(lengths))
        if left:
            context.emit(
                "warning",
                message=f"{left:,} of {len(found):,} pairs share texts with so many others that an epoch has no batch "
                "for them: each epoch leaves out others",
                pointer="/model/spec/batches",
            )
    start = Start.of(learned, context.processes)
    fitted = fit(task, context)
    start.check(learned)
    del task, parts
    document = {
        "prompts": {"anchor": prompts.anchor, "positive": prompts.positive},
        "classes": list(classes) if head is not None else [],
    }
    kept = document | {"head": finetuned_model.head_document(BODY)}
    finetuned_model.write(opened, context.artifact, kept, spec.save_as, reader.tokenizer)
    stored_encoder.write(context.artifact, settings, prompts)
    if head is not None:
        write_tensors(
            context.artifact / CLASSIFIER, {name: value.detach().cpu() for name, value in head.state_dict().items()}
        )
    stored = Predictor.load(context.artifact, context.device, context.cache, base.folder)
    after = judge(stored, held)
    need_numbers(after.metrics)
    result = _result(context, fitted, stored, held, after, before, len(found), len(rows))
    finetuned_card.write(
        context.artifact, spec, base.name, TASK, result.metrics,
        pipeline="sentence-similarity", library="sentence-transformers", code=CODE,
        told=[f"loss `{loss_spec.loss_type}`", f"texts of at most {settings.max_length:,} tokens"],
    )  # fmt: skip
    return result


def _result(
    context: TrainContext,
    fitted: Any,
    stored: Predictor,
    held: Sequence[PairRow],
    after: Judged,
    before: Judged,
    examples: int,
    rows: int,
) -> TrainResult:
    baselines = {"base model": before, "words alone": word_overlap(held)} if held else {}
    metrics, tables = metrics_and_tables(after, held, baselines, context.seed)
    tables += embedding_map(stored, held, READ)
    counts: dict[str, float | int | None] = {"n_train": rows, "n_validation": len(held), "n_examples": examples}
    return TrainResult(
        metrics=metrics | counts,
        epochs=fitted.epochs,
        best_epoch=fitted.best_epoch,
        parameters=fitted.parameters,
        tables={table.name: table.as_dict() for table in tables},
    )


def settings_of(spec: Any, folder: Path) -> Settings:
    """Those of the base in a folder, with what the spec says."""
    own = Settings.read(folder)
    pooling = own.pooling if spec.pooling is None else (spec.pooling,)
    return replace(
        own,
        pooling=pooling,
        width=own.width // len(own.pooling) * len(pooling),
        normalize=own.normalize if spec.normalize is None else spec.normalize,
        max_length=spec.max_length,
        prompt=own.prompt if spec.prompts is None else "",
    )


def prompts_of(spec: Any, settings: Settings) -> Prompts:
    if spec.prompts is None:
        return Prompts(settings.prompt, settings.prompt)
    return Prompts(spec.prompts.anchor, spec.prompts.positive)


def dims_of(spec: Any, settings: Settings) -> list[int] | None:
    """The lengths that are trained, the whole vector's first. Raises :class:`DataError` for one that is longer."""
    if spec.matryoshka_dims is None:
        return None
    if max(spec.matryoshka_dims) > settings.width:
        raise DataError(
            f"a vector of the model has {settings.width} numbers, and {max(spec.matryoshka_dims)} are asked for",
            where="/model/spec/matryoshka_dims",
        )
    return sorted({settings.width, *spec.matryoshka_dims}, reverse=True)


@dataclass(frozen=True)
class Sides:
    """The texts of examples as tokens, on both sides."""

    found: Examples
    anchors: Tokens
    others: Tokens
    #: The token that fills up a batch.
    padding: int

    @classmethod
    def of(cls, found: Examples, reader: TextReader, prompts: Prompts, cache: Path) -> Sides:
        """The tokens of examples' texts, behind their prompts. ``cache``: the folder where many of them lie."""
        anchors = reader.tokens(found.anchors, prompts.anchor, cache)
        return cls(found, anchors, reader.tokens(found.others, prompts.positive, cache), reader.padding)

    @property
    def lengths(self) -> np.ndarray:
        """The tokens of every example, int64 ``[n]``."""
        found: np.ndarray = self.anchors.lengths[self.found.anchor]
        return found + self.others.lengths[self.found.beside].sum(axis=1)

    def columns(self, some: np.ndarray) -> list[dict[str, torch.Tensor]]:
        """What the encoder reads of some examples: their anchors, then each of the texts beside them."""
        found = self.found
        columns = [batch_of(self.anchors, found.anchor[some], self.padding)]
        return columns + [
            batch_of(self.others, found.beside[some, at], self.padding) for at in range(found.beside.shape[1])
        ]


def step_parts(
    batch_size: int, device: str, loss: nn.Module, sides: Sides
) -> Callable[[np.ndarray], Iterator[torch.Tensor]]:
    """What gives a step's losses, batch by batch."""
    whole = isinstance(loss, nn.Module) and loss_is_of_classes(loss)
    values = torch.from_numpy(sides.found.value.astype(np.int64 if whole else np.float32))

    def parts(chosen: np.ndarray) -> Iterator[torch.Tensor]:
        batches = [chosen[at : at + batch_size] for at in range(0, len(chosen), batch_size)]
        kept = [batch[batch >= 0] for batch in batches]
        kept = [batch for batch in kept if len(batch)]
        count = sum(map(len, kept))
        for batch in kept:
            features = [on_device(column, device) for column in sides.columns(batch)]
            yield loss(features, values[torch.from_numpy(batch)].to(device)) * (len(batch) / count)

    return parts


def loss_is_of_classes(loss: nn.Module) -> bool:
    """Whether its targets are whole numbers."""
    inner = getattr(loss, "loss", None)
    name = type(inner).__name__ if type(loss).__name__ == "MatryoshkaLoss" else type(loss).__name__
    return name in ("SoftmaxLoss", "OnlineContrastiveLoss")


def _tokens(lengths: np.ndarray) -> Any:
    def tokens(chosen: np.ndarray) -> tuple[int, int]:
        count = int(lengths[chosen[chosen >= 0]].sum())
        return count, count

    return tokens
