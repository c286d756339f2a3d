"""How much of a reference's wording an answer has: BLEU, chrF, ROUGE and METEOR, each as its own library has it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from runner.errors import EnvironmentProblem
from runner.tasks.generation.answer_metrics import metric_sections as sections

References = Sequence[Sequence[str]]


def corpus_parts(metric: sections.Bleu | sections.ChrF, answers: Sequence[str], references: References) -> Any:
    """What each answer adds to a score over the set, float64 ``[n, k]``, and what sums of it make.

    These are sacrebleu's own counts of n-grams, of which its score over the set is made.
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    if isinstance(metric, sections.Bleu):
        # It would warn that a set of one sentence has no four words.
        scorer: Any = BLEU(tokenize=metric.tokenize, lowercase=metric.lowercase, force=True)
    else:
        scorer = CHRF(word_order=metric.word_order, lowercase=metric.lowercase)

    def row(answer: str, wanted: Sequence[str]) -> list[float]:
        told = scorer._extract_reference_info([scorer._preprocess_segment(each) for each in wanted])
        return list(scorer._compute_segment_statistics(scorer._preprocess_segment(answer), told))

    parts = np.array([row(*pair) for pair in zip(answers, references, strict=True)], np.float64)

    def statistic(sums: np.ndarray) -> np.ndarray:
        # Where nothing tells how other rows would be, there are no sums, and no score of them.
        flat = np.rint(sums).reshape(-1, sums.shape[-1])
        scores = [
            math.nan if np.isnan(row).any() else scorer._compute_score_from_stats([int(each) for each in row]).score
            for row in flat
        ]
        return np.array(scores).reshape(sums.shape[:-1])

    return parts, statistic


def row_scores(
    metric: sections.Rouge | sections.Meteor, answers: Sequence[str], references: References, where: str
) -> np.ndarray:
    """The score of every answer, float64 ``[n]``. Raises :class:`EnvironmentProblem` for what is not installed."""
    score = _rouge(metric) if isinstance(metric, sections.Rouge) else _meteor(where)
    return np.array([score(*pair) for pair in zip(answers, references, strict=True)], np.float64)


def check_installed(metric: sections.AnswerMetric, where: str) -> None:
    """Raise :class:`EnvironmentProblem` for a metric whose library, or its data, is not on this machine."""
    from importlib.util import find_spec

    needs = {"bleu": "sacrebleu", "chrf": "sacrebleu", "rouge": "rouge_score", "meteor": "nltk"}
    name = needs.get(metric.metric)
    if name is not None and find_spec(name) is None:
        package = name.replace("_", "-")
        raise EnvironmentProblem(f"{metric.metric} needs {package}", where=where, hint=f"pip install {package}")
    if metric.metric == "meteor":
        _meteor(where)


def _rouge(metric: sections.Rouge) -> Callable[[str, Sequence[str]], float]:
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer([metric.type], use_stemmer=metric.stem)
    return lambda answer, references: float(scorer.score_multi(list(references), answer)[metric.type].fmeasure)


def _meteor(where: str) -> Callable[[str, Sequence[str]], float]:
    import nltk
    from nltk.translate.meteor_score import meteor_score

    try:
        nltk.data.find("corpora/wordnet.zip")
    except LookupError:
        raise EnvironmentProblem(
            "meteor needs WordNet, which nltk has not on this machine, and nothing is fetched while evaluating",
            where=where,
            hint="python -m nltk.downloader wordnet fetches it once; rouge and chrf need nothing more",
        ) from None
    return lambda answer, references: float(meteor_score([each.split() for each in references], answer.split()))
