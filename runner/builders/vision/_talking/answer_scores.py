"""What a model answers to held-out rows, and how near that is to what is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from runner.builders.text._targets.written_scores import figure_metrics
from runner.builders.vision._fitting.worst_pictures import thumbnail
from runner.builders.vision._talking.picture_answerer import PictureAnswerer
from runner.chat.messages import Conversation
from runner.contract import Table
from runner.contract.quantities import counted
from runner.data import holdout
from runner.data.pictured_dialogues.collected_rows import content_key
from runner.data.pictured_dialogues.pictured_row import MARK, PicturedRow
from runner.tasks.generation.answer_metrics import metric_sections as sections
from runner.tasks.generation.answer_metrics.answer_figures import figure_of
from runner.tasks.generation.answer_metrics.figures import Figure
from runner.tasks.generation.completions import CUT
from runner.tasks.generation.options import PicturedOptions

#: What is measured, by name.
METRICS: Mapping[str, sections.AnswerMetric] = {
    "exact_match": sections.ExactMatch(metric="exact_match"), "anls": sections.Anls(metric="anls"),
}  # fmt: skip
#: Examples that the page shows.
SHOWN = 20


@dataclass(frozen=True)
class AskedRow:
    """A held-out row without its last answer."""

    conversation: Conversation
    pictures: Sequence[Any]
    row: PicturedRow

    def key(self) -> bytes:
        return content_key(self.row).to_bytes(8, "little")


@dataclass(frozen=True)
class Scores:
    """What was answered, and the figures of it by name."""

    asked: Sequence[AskedRow]
    whole: int
    texts: Sequence[str]
    figures: Mapping[str, Figure]
    tokens: float
    cut: float

    def metrics(self, seed: int | None = None) -> dict[str, float | None]:
        """All figures; with a seed, with their 95 % intervals."""
        return figure_metrics(self.figures, seed) | {"answer_tokens": self.tokens, "cut_answers": self.cut}

    def table(self) -> Table | None:
        """The answers that are farthest from a right one, each with its first picture; None where all are right."""
        each = self.figures["anls"].each
        order = [at for at in np.argsort(each, kind="stable").tolist() if each[at] < 1][:SHOWN]
        if not order:
            return None
        rows = [
            [
                thumbnail(self.asked[at].pictures[0].decoded()) if self.asked[at].pictures else None,
                question(self.asked[at].row), self.texts[at], " | ".join(self.asked[at].row.answers), float(each[at]),
            ]
            for at in order
        ]  # fmt: skip
        drawn = len(self.texts) < self.whole
        note = f"Of {counted(len(self.texts), 'held-out rows')}" + (f" of {self.whole:,}" if drawn else "")
        columns = ["picture", "question", "answered", "right", "ANLS"]
        return Table("worst_pictures", "Worst answers", columns, rows, decimals={"ANLS": 2}, note=f"{note}.")


def asked_rows(rows: Sequence[PicturedRow], limit: int | None, seed: int) -> list[AskedRow]:
    """At most ``limit`` rows, drawn by their content, each up to its last answer."""
    kept = list(rows)
    if limit is not None and limit < len(kept):
        keys = np.array([content_key(row) for row in kept], np.uint64)
        kept = [kept[at] for at in np.sort(holdout.order(keys, seed)[:limit])]
    return [AskedRow(row.conversation.with_messages(row.conversation.messages[:-1]), row.pictures, row) for row in kept]


def answer(
    answerer: PictureAnswerer, asked: Sequence[AskedRow], whole: int, options: PicturedOptions, batch_size: int
) -> Scores | None:
    """Have the model answer, and score it; None where nothing is held out."""
    if not asked:
        return None
    made = [each[0] for each in answerer.predict(asked, options, batch_size)]
    texts = [each.text.strip() for each in made]
    return Scores(
        asked, whole, texts, scored(texts, asked), float(np.mean([each.completion_tokens for each in made])),
        float(np.mean([each.finish_reason == CUT for each in made])),
    )  # fmt: skip


def scored(texts: Sequence[str], asked: Sequence[AskedRow]) -> dict[str, Figure]:
    """Every metric of some answers."""
    references = [each.row.answers for each in asked]
    return {name: figure_of(metric, texts, references, f"/{name}") for name, metric in METRICS.items()}


def most_frequent(train: Sequence[PicturedRow], asked: Sequence[AskedRow]) -> list[str]:
    """To each row the most frequent answer of training to its question, else the most frequent one: no picture is
    looked at."""
    every: Counter[str] = Counter()
    by_question: dict[str, Counter[str]] = {}
    for row in train:
        every[row.answers[0]] += 1
        by_question.setdefault(question(row), Counter())[row.answers[0]] += 1
    return [by_question.get(question(each.row), every).most_common(1)[0][0] for each in asked]


def question(row: PicturedRow) -> str:
    """What a row asks last, without its pictures."""
    asked = [turn.content for turn in row.conversation.messages if turn.role == "user"]
    return (asked[-1] if asked else "").replace(MARK, "").strip()
