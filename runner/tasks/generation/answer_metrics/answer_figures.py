"""The figure of a metric over answers, each with its right answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runner.contract import Measure
from runner.errors import DataError
from runner.tasks.generation.answer_metrics import metric_sections as sections
from runner.tasks.generation.answer_metrics.figures import Figure
from runner.tasks.generation.answer_metrics.matching import best, matcher
from runner.tasks.generation.answer_metrics.overlap import corpus_parts, row_scores


def figure_of(
    metric: sections.AnswerMetric, answers: Sequence[str], references: Sequence[Sequence[str]], where: str = ""
) -> Figure:
    """One metric of some answers, each with its right answers. ``where`` it is named, for messages.

    Raises :class:`EnvironmentProblem` for a metric whose library is not here.
    """
    name = sections.label(metric)
    if isinstance(metric, sections.Bleu | sections.ChrF):
        parts, statistic = corpus_parts(metric, answers, references)
        shown = {"bleu": "BLEU", "chrf": "chrF"}[metric.metric]
        return Figure(Measure(name, shown, name, 2, interval=True), parts, statistic)
    if isinstance(metric, sections.Rouge | sections.Meteor):
        values = row_scores(metric, answers, references, where)
        return Figure.of_means(Measure(name, name, name, 3, interval=True), values)
    found = matcher(metric)
    if found is None:
        raise DataError(f"{metric.metric} is no metric of single answers", where=where)
    read, compare = found
    texts = [read(answer) for answer in answers]
    values = np.array(
        [0.0 if text is None else best(compare, text, right) for text, right in zip(texts, references, strict=True)]
    )
    unread = np.array([text is None for text in texts])
    whole = not isinstance(metric, sections.TokenF1 | sections.Anls)
    return Figure.of_means(Measure(name, name, name, 3, interval=True), values, unread, proportion=whole)
