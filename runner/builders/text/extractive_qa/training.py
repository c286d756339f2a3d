"""Training of a model that finds answers in texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from runner.builders._finetuning import finetuned_card, pretrained_base
from runner.builders._finetuning.batched_rows import BatchedRows
from runner.builders._finetuning.heads import Head
from runner.builders._finetuning.nothing_learned import need_numbers
from runner.builders._finetuning.opened_model import open_model
from runner.builders._finetuning.opened_tokenizer import open_text_tokenizer
from runner.builders._finetuning.train_and_store import store, tune
from runner.builders.text._windows.question_windows import Gold, Sizes, Windows, gold, need_places, windows
from runner.builders.text._windows.window_answers import answers, losses
from runner.contract import FootprintContext, Table, TrainContext, TrainResult
from runner.contract.quantities import counted
from runner.errors import DataError
from runner.tasks.spans import TASK, null_threshold
from runner.tasks.spans.answers import NULL_THRESHOLD
from runner.tasks.spans.baselines import baselines
from runner.tasks.spans.best_spans import Found
from runner.tasks.spans.comparing import text_of
from runner.tasks.spans.measuring import measure_spans, score

HEAD = Head(
    "AutoModelForQuestionAnswering",
    "MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES",
    "QUESTION_ANS",
    what="trained to find answers",
    hint="name an encoder, such as google-bert/bert-base-uncased",
)


@dataclass(frozen=True)
class Side:
    """The questions of one side of the split, as windows."""

    rows: Sequence[Any]
    windows: Windows
    gold: Gold

    @classmethod
    def of(cls, rows: Sequence[Any], tokenizer: Any, sizes: Sizes, cache: Path) -> Side:
        made = windows(rows, tokenizer, sizes, cache)
        return cls(rows, made, gold(rows, made, sizes.answer))

    @cached_property
    def with_answer(self) -> np.ndarray:
        return np.array([row.answerable for row in self.rows], bool)

    @property
    def recall(self) -> float | None:
        """The share of the questions with an answer of which a window has it whole, and short enough to be given."""
        asked = self.with_answer
        return float(self.gold.found[asked].mean()) if asked.any() else None


def train(spec: Any, context: TrainContext) -> TrainResult:
    """Learn where answers start and end. Questions become windows before the model is loaded."""
    base = pretrained_base.find(spec, context, HEAD)
    tokenizer = open_text_tokenizer(base.folder, base.config, pretrained_base.BASE)
    need_places(tokenizer, pretrained_base.BASE)
    sizes = Sizes.of(spec)
    learned, held = read_sides(context, tokenizer, sizes)
    gives_none = not learned.with_answer.all()
    opened = open_model(spec, context, base, HEAD)

    def found_by(model: Any, stopping: Any) -> tuple[list[Found], float]:
        return answers(
            model, held.windows, held.rows, longest=sizes.answer, device=context.device, stop_requested=stopping,
            gold=held.gold,
        )  # fmt: skip

    def measure() -> dict[str, float | None]:
        if not held.rows:
            return {}
        found, loss = found_by(opened.model, context.stop_requested)
        return _figures(held.rows, found, loss, _threshold(spec, held.rows, found, gives_none))

    rows = BatchedRows(
        len(learned.windows),
        learned.windows.batch,
        lambda output, chosen: losses(output, learned.windows, learned.gold, chosen).sum(),
        learned.windows.tokens.lengths,
    )
    fitted = tune(spec, context, opened, rows, measure)
    model = store(spec, context, opened, sizes.as_document(), tokenizer)
    found, loss = found_by(model, lambda: False) if held.rows else ([], 0.0)
    threshold = _threshold(spec, held.rows, found, gives_none)
    metrics: dict[str, Any] = {}
    tables = [_windows_table(learned, held)]
    if held.rows:
        need_numbers({"loss": loss})
        said = [text_of(row, one, threshold) for row, one in zip(held.rows, found, strict=True)]
        beside = baselines(held.rows, seed=context.seed)
        metrics, more = measure_spans(held.rows, said, _scores(found, threshold), seed=context.seed, baselines=beside)
        tables += more
        if threshold is not None and spec.null_threshold == "tuned" and held.with_answer.any():
            tables.append(null_threshold.curve(held.rows, found, threshold))
        metrics |= {"loss": loss, "gold_window_recall": held.recall}
    metrics |= {"n_train": len(learned.rows), "n_train_windows": len(learned.windows)}
    if context.processes.first:
        finetuned_card.write(
            context.artifact,
            spec,
            opened.name,
            TASK,
            metrics,
            pipeline="question-answering",
            code=_code(spec.save_as == "adapter"),
            told=[f"windows of {sizes.max_length} tokens, of which {sizes.doc_stride} are shared with the next"],
        )
    parameters = dict(fitted.parameters) | ({} if threshold is None else {NULL_THRESHOLD: threshold})
    return TrainResult(
        metrics=metrics,
        epochs=fitted.epochs,
        best_epoch=fitted.best_epoch,
        parameters=parameters,
        tables={table.name: table.as_dict() for table in tables},
    )


def read_sides(context: TrainContext | FootprintContext, tokenizer: Any, sizes: Sizes) -> tuple[Side, Side]:
    """Both sides of ``context.data`` as windows. Tells of what is cut; raises :class:`DataError` where no answer can be
    learned."""
    data: Any = context.data
    learned, held = (Side.of(rows, tokenizer, sizes, context.cache) for rows in (data.train, data.validation))
    _tell(learned, held, sizes, context)
    return learned, held


def _threshold(spec: Any, rows: Sequence[Any], found: Sequence[Found], gives_none: bool) -> float | None:
    """How much more none has to score; None for a model that always answers."""
    if not gives_none:
        return None
    if spec.null_threshold != "tuned":
        return float(spec.null_threshold)
    chosen = null_threshold.choose(rows, found) if rows else None
    return 0.0 if chosen is None else chosen


def _figures(
    rows: Sequence[Any], found: Sequence[Found], loss: float, threshold: float | None
) -> dict[str, float | None]:
    said = [text_of(row, one, threshold) for row, one in zip(rows, found, strict=True)]
    metrics, _, _ = score(rows, said, 0)
    return {"f1": metrics["f1"], "exact_match": metrics["exact_match"], "loss": loss}


def _scores(found: Sequence[Found], threshold: float | None) -> list[float]:
    """How sure the model is of what it says of each question."""
    scores = []
    for one in found:
        shares, none = one.shares(threshold is not None)
        scores.append(shares[0] if one.answered(threshold) else none)
    return scores


def _tell(learned: Side, held: Side, sizes: Sizes, context: TrainContext | FootprintContext) -> None:
    """What of the questions is cut or out of reach. Raises :class:`DataError` where no answer can be learned."""
    asked = learned.with_answer
    if asked.any() and not learned.gold.found[asked].any() and not learned.gold.too_long[asked].any():
        raise DataError(
            "no answer is whole in a window",
            where="/model/spec/max_length",
            hint="raise max_length, or doc_stride, so that the longest answers fit into what windows share",
        )
    for name, side in (("training", learned), ("held-out", held)):
        own, asked = side.gold, side.with_answer
        count = counted(len(side.rows), f"{name} questions")
        if cut := side.windows.cut:
            context.emit(
                "warning",
                message=f"{len(cut):,} of {count} have more than {sizes.question} tokens and are cut",
                pointer="/model/spec/max_question_length",
            )
        if too_long := int(own.too_long.sum()):
            context.emit(
                "warning",
                message=f"the answers of {too_long:,} of {count} have more than {sizes.answer} tokens, and are not "
                "given",
                pointer="/model/spec/max_answer_length",
            )
        if missed := int((asked & ~own.found & ~own.too_long).sum()):
            context.emit(
                "warning",
                message=f"the answers of {missed:,} of {count} are whole in no window",
                pointer="/model/spec/doc_stride",
            )


def _code(adapter: bool) -> list[str]:
    """What uses the model by its own library."""
    opened = 'AutoModelForQuestionAnswering.from_pretrained("FOLDER")'
    base = ["from peft import PeftModel"] if adapter else []
    if adapter:
        plain = 'AutoModelForQuestionAnswering.from_pretrained("BASE")'
        opened = f'PeftModel.from_pretrained({plain}, "FOLDER")'
    return [
        *base,
        "from transformers import AutoModelForQuestionAnswering, AutoTokenizer",
        "",
        'tokenizer = AutoTokenizer.from_pretrained("FOLDER")',
        f"model = {opened}",
        'inputs = tokenizer("Who came?", "Runa came at noon.", return_tensors="pt")',
        "output = model(**inputs)",
        "start, end = output.start_logits.argmax(), output.end_logits.argmax()",
        'print(tokenizer.decode(inputs["input_ids"][0, start : end + 1]))',
    ]


def _windows_table(learned: Side, held: Side) -> Table:
    cells = [
        [name, len(side.rows), len(side.windows), int(side.with_answer.sum()), side.recall]
        for name, side in (("training", learned), ("held out", held))
    ]
    return Table(
        "windows",
        "Questions as windows",
        ["side", "questions", "windows", "with an answer", "gold-window recall"],
        cells,
        note="Gold-window recall: the share of the questions with an answer of which a window has it whole, and which "
        "is short enough to be given. No model can be right about the others.",
        decimals={"gold-window recall": 3},
    )
