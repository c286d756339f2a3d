"""Training of a cross-encoder on pairs of texts."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from runner.builders._finetuning import finetuned_card
from runner.builders._finetuning.batched_rows import BatchedRows
from runner.builders._finetuning.nothing_learned import need_numbers
from runner.builders._finetuning.opened_model import open_model
from runner.builders._finetuning.pretrained_base import find
from runner.builders._finetuning.train_and_store import store, tune
from runner.builders.embeddings._encoding.distinct_texts import DistinctTexts, OwnTexts
from runner.builders.embeddings._encoding.pair_reader import PairComparer, head_of, read_pairs
from runner.contract import TrainContext, TrainResult, departs
from runner.data.dialogues.row_types import PairRow
from runner.data.kept_rows import KeptRows
from runner.data.text_pairs.prepared_pairs import form_of
from runner.errors import DataError
from runner.tasks.embedding import TASK
from runner.tasks.embedding.judging import judge
from runner.tasks.embedding.measuring import metrics_and_tables, word_overlap
from runner.training.pretrained_tokenizer import read_tokenizer

#: How the stored model is used.
CODE = (
    "from sentence_transformers import CrossEncoder",
    "",
    'model = CrossEncoder("PATH_OF_THIS_FOLDER")',
    'print(model.predict([("a question", "an answer"), ("a question", "another")]))',
)


def train(spec: Any, context: TrainContext) -> TrainResult:
    """Learn what pairs are. Fields without effect on such rows are refused before the model is loaded."""
    rows, held = context.data.train, context.data.validation
    classes = classes_of(spec, rows)
    head = head_of(classes)
    base = find(spec, context, head)
    tokenizer = read_tokenizer(base.folder, "/model/spec/base_model_name")
    pairs, targets = examples_of(rows, classes, spec.negatives, context.seed, context.cache)
    tokens = read_pairs(tokenizer, pairs, spec.max_length, context.cache)
    opened = open_model(spec, context, base, head)
    asked = PairComparer(opened.model, tokenizer, spec.max_length, context.device, classes)
    before = judge(asked, held)
    wanted = torch.from_numpy(targets)

    def loss(output: Any, some: np.ndarray) -> torch.Tensor:
        logits, own = output.logits.float(), wanted[torch.from_numpy(some)].to(output.logits.device)
        if classes:
            return torch.nn.functional.cross_entropy(logits, own, reduction="sum")
        if spec.score_loss == "mean_squared_error":
            return torch.nn.functional.mse_loss(torch.sigmoid(logits[:, 0]), own, reduction="sum")
        return torch.nn.functional.binary_cross_entropy_with_logits(logits[:, 0], own, reduction="sum")

    learned = BatchedRows(len(targets), tokens.batch, loss, tokens.ids.lengths)
    fitted = tune(spec, context, opened, learned, lambda: judge(asked, held).metrics)
    document = {"classes": classes, "max_length": spec.max_length}
    model = store(spec, context, opened, document, tokenizer)
    after = judge(PairComparer(model, tokenizer, spec.max_length, context.device, classes), held)
    need_numbers(after.metrics)
    baselines = {"before training": before, "words alone": word_overlap(held)} if held else {}
    metrics, tables = metrics_and_tables(after, held, baselines, context.seed)
    counts: dict[str, float | int | None] = {
        "n_train": len(rows),
        "n_validation": len(held),
        "n_examples": len(targets),
    }
    finetuned_card.write(
        context.artifact, spec, base.name, TASK, metrics | counts,
        pipeline="text-ranking", library="sentence-transformers", code=CODE,
        told=[f"two texts of at most {spec.max_length:,} tokens together"],
    )  # fmt: skip
    return TrainResult(
        metrics=metrics | counts,
        epochs=fitted.epochs,
        best_epoch=fitted.best_epoch,
        parameters=fitted.parameters,
        tables={table.name: table.as_dict() for table in tables},
    )


def classes_of(spec: Any, rows: Sequence[PairRow]) -> list[str]:
    """The classes of rows that have some. Raises :class:`DataError` for a field that has no effect on such rows."""
    form = form_of(rows)
    _need_effect(spec, form)
    return sorted({str(row.label) for row in rows}) if form == "pair_class" else []


def _need_effect(spec: Any, form: str) -> None:
    """Raise :class:`DataError` for a field that has another value than its default, and no effect on rows of a form."""
    void = {"negatives": form in ("pair_score", "pair_class"), "score_loss": form == "pair_class"}
    for name, is_void in void.items():
        if is_void and departs(spec, name):
            raise DataError(
                f"has no effect: the rows are of the form {form}", where=f"/model/spec/{name}", hint="take it out"
            )


def examples_of(
    rows: Sequence[PairRow], classes: Sequence[str], negatives: int, seed: int, cache: Path
) -> tuple[Iterable[tuple[str, str]], np.ndarray]:
    """Pairs, which can be gone through once, and a class's number, int64 ``[n]``, or a score from 0 to 1, float32
    ``[n]``, of each. ``cache``: the folder where many of them lie."""
    form = form_of(rows)
    every = ((row.anchor, row.positive) for row in rows)
    if form == "pair_class":
        return every, np.array([classes.index(str(row.label)) for row in rows], np.int64)
    if form == "pair_score":
        scores = np.array([row.score for row in rows], np.float32)
        # Scores of -1 to 1 are as good as of 0 to 1: the model's own are those.
        return every, (scores + 1) / 2 if (scores < 0).any() else scores
    known, positive = DistinctTexts.of(lambda: (row.positive for row in rows), cache)
    anchors, anchor = DistinctTexts.of(lambda: (row.anchor for row in rows), cache)
    own = OwnTexts(
        len(anchors), np.concatenate([anchor, anchor]), np.concatenate([known.keys[positive], anchors.keys[anchor]])
    )
    rng = np.random.default_rng([seed, 0x6E])
    pairs: KeptRows[tuple[str, str]] = KeptRows(cache)
    wanted = array("f")
    for number, row in enumerate(rows):
        belong = own[anchor[number]]
        drawn = rng.permutation(len(known))[: negatives + len(belong)].tolist()
        free = [at for at in drawn if int(known.keys[at]) not in belong][:negatives]
        for text in (row.positive, *row.negatives, *(known.texts[at] for at in free)):
            pairs.append((row.anchor, text))
        wanted.extend([1.0, *[0.0] * (len(row.negatives) + len(free))])
    return pairs, np.array(wanted, np.float32)
