"""What a model writes of held-out sources, and how near it is to their targets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from runner.builders.text._targets.target_tokens import TargetTokens
from runner.builders.text._targets.target_writer import TargetWriter
from runner.contract import Table
from runner.contract.quantities import counted
from runner.data import holdout
from runner.tasks.generation.answer_metrics import metric_sections as sections
from runner.tasks.generation.answer_metrics.answer_figures import figure_of
from runner.tasks.generation.answer_metrics.figures import Figure
from runner.tasks.generation.completions import CUT, Completion
from runner.tasks.generation.options import SettledOptions

#: What is measured, by name. Stems and other tokenizers are for `runner evaluate`.
METRICS: Mapping[str, sections.AnswerMetric] = {
    "rouge1": sections.Rouge(metric="rouge", type="rouge1"),
    "rouge2": sections.Rouge(metric="rouge", type="rouge2"),
    "rougeL": sections.Rouge(metric="rouge", type="rougeL"),
    "bleu": sections.Bleu(metric="bleu"),
    "chrf": sections.ChrF(metric="chrf"),
    "exact_match": sections.ExactMatch(metric="exact_match"),
}
#: Examples that the page shows.
SHOWN = 20


@dataclass(frozen=True)
class AskedSources:
    """Held-out sources that are written, each once, with all the targets that its rows have."""

    texts: Sequence[str]
    ids: Sequence[np.ndarray]
    references: Sequence[tuple[str, ...]]
    #: How many there are to draw from.
    whole: int

    @classmethod
    def of(cls, held: TargetTokens, limit: int | None, seed: int) -> AskedSources:
        """At most ``limit`` of them, drawn by their content."""
        keys = np.array([holdout.text_key(row.source) for row in held.rows], np.uint64)
        distinct = keys[np.sort(np.unique(keys, return_index=True)[1])]
        some = slice(None) if limit is None else np.sort(holdout.order(distinct, seed)[:limit])
        asked = set(distinct[some].tolist())
        targets: dict[str, dict[str, None]] = {}
        ids: dict[str, np.ndarray] = {}
        for row, tokens, key in zip(held.rows, held.sources, keys.tolist(), strict=True):
            if key in asked:
                targets.setdefault(row.source, {}).update(dict.fromkeys(row.targets))
                ids.setdefault(row.source, tokens)
        return cls(list(targets), list(ids.values()), [tuple(each) for each in targets.values()], len(distinct))


@dataclass(frozen=True)
class Scores:
    """What was written, and the figures of it by name."""

    asked: AskedSources
    texts: Sequence[str]
    figures: Mapping[str, Figure]
    tokens: float
    cut: float

    def metrics(self, seed: int | None = None) -> dict[str, float | None]:
        """All figures; with a seed, with their 95 % intervals."""
        return figure_metrics(self.figures, seed) | {"written_tokens": self.tokens, "cut_texts": self.cut}

    def table(self) -> Table:
        """The texts that are farthest from their targets, and what they should have been."""
        each = self.figures["chrf"].each
        order = np.argsort(each, kind="stable")[:SHOWN]
        rows = [
            [self.asked.texts[at], self.texts[at], " | ".join(self.asked.references[at]), float(each[at])]
            for at in order.tolist()
        ]
        drawn = len(self.texts) < self.asked.whole
        note = f"Of {counted(len(self.texts), 'held-out sources')}" + (f" of {self.asked.whole:,}" if drawn else "")
        columns = ["source", "written", "wanted", "chrF"]
        return Table("written", "Farthest from what was wanted", columns, rows, decimals={"chrF": 1}, note=f"{note}.")


def write(writer: TargetWriter, asked: AskedSources, options: SettledOptions, batch_size: int) -> Scores | None:
    """Have the model write, and score it; None where nothing is held out."""
    if not asked.texts:
        return None
    keys = [json.dumps(text).encode() for text in asked.texts]
    made: list[Completion] = [each[0] for each in writer.written(asked.ids, keys, options, batch_size)]
    texts = [each.text for each in made]
    return Scores(
        asked, texts, scored(texts, asked.references), float(np.mean([each.completion_tokens for each in made])),
        float(np.mean([each.finish_reason == CUT for each in made])),
    )  # fmt: skip


def figure_metrics(figures: Mapping[str, Figure], seed: int | None = None) -> dict[str, float | None]:
    """Figures by name; with a seed, with their 95 % intervals."""
    found: dict[str, float | None] = {}
    for name, figure in figures.items():
        found[name] = figure.value
        if seed is not None:
            found |= figure.interval(seed)[0].ends(name)
    return found


def scored(texts: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, Figure]:
    """Every metric of some texts."""
    return {name: figure_of(metric, texts, references, f"/{name}") for name, metric in METRICS.items()}
