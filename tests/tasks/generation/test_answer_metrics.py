"""What an answer is worth: each metric beside its library, or a count by hand."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter
from scipy.stats import binomtest

from runner.contract import Measure
from runner.errors import EnvironmentProblem
from runner.tasks.generation.answer_metrics.answer_figures import figure_of
from runner.tasks.generation.answer_metrics.figures import Figure, bits, exponential, paired, wilson
from runner.tasks.generation.answer_metrics.metric_sections import AnswerMetric
from runner.tasks.generation.answer_metrics.overlap import check_installed

ACCURACY = Measure("accuracy", "Accuracy", "accuracy")


def metric(name: str, **fields: Any) -> Any:
    return TypeAdapter(AnswerMetric).validate_json(json.dumps({"metric": name} | fields))


def each(name: str, answer: str, *references: str, **fields: Any) -> float | None:
    """The score of one answer; None where nothing of it could be read."""
    figure = figure_of(metric(name, **fields), [answer], [references])
    return None if figure.unread is not None and figure.unread[0] else float(figure.each[0])


@pytest.mark.parametrize(
    ("name", "fields", "answer", "reference", "wanted"),
    [
        ("exact_match", {}, " Paris\n", "Paris", 1),
        ("exact_match", {}, "paris", "Paris", 0),
        ("normalised_match", {}, "the Paris!", "paris", 1),
        ("normalised_match", {}, "Paris, France", "paris", 0),
        ("extracted_match", {"pattern": r"answer is (\w+)"}, "answer is A. no, answer is B.", "B", 1),
        ("extracted_match", {"pattern": r"answer is (\w+)", "which": "first"}, "answer is A. answer is B.", "A", 1),
        ("extracted_match", {"pattern": r"answer is (\w+)"}, "who knows", "B", None),
        ("extracted_match", {"pattern": r"#### (.+)", "compare": "numeric"}, "so #### 1,000", "1000.0", 1),
        ("numeric_match", {}, "first 3, then 1,234.5 apples", "It is 1234.5", 1),
        ("numeric_match", {"which": "first"}, "3, then 4", "3", 1),
        ("numeric_match", {}, "none", "3", None),
        ("numeric_match", {"absolute": 0.5}, "3.4", "3", 1),
        ("numeric_match", {"absolute": 0.3}, "3.4", "3", 0),
        ("numeric_match", {"relative": 0.2}, "-3.4", "-3", 1),
        ("contains", {}, "It is PARIS.", "Paris", 1),
        ("contains", {"ignore_case": False}, "It is PARIS.", "Paris", 0),
        ("f1", {}, "the cat sat", "a cat sat down", 0.8),
        ("f1", {}, "dog", "cat", 0),
        ("anls", {}, " The Café", "the café", 1),
        ("anls", {}, "colour", "color", 5 / 6),
        ("anls", {}, "cat", "dog", 0),
        ("anls", {}, "abcd", "abxy", 0.5),
        ("anls", {}, "abcde", "abxyz", 0),
        ("anls", {"threshold": 0.3}, "abcde", "abxyz", 0.4),
        ("anls", {}, "", "", 1),
    ],
)  # fmt: skip
def test_single_answers_are_read_and_compared(name, fields, answer, reference, wanted):
    found = each(name, answer, reference, **fields)
    assert found == wanted if wanted is None else found == pytest.approx(wanted)


def test_of_several_right_answers_the_best_counts():
    assert each("exact_match", "b", "a", "b") == 1
    assert each("f1", "cat sat", "dog", "cat") == pytest.approx(2 / 3)


ANSWERS = ["the cat sat on the mat", "a dog barks loudly at night", "it rains", "colourless green ideas sleep"]
WANTED = [
    ["the cat sat on a mat"],
    ["the dog barks at night", "a dog barks at the night"],
    ["it rains a lot"],
    ["ideas sleep"],
]


@pytest.mark.parametrize(
    ("fields", "library"),
    [
        ({"metric": "bleu"}, {"name": "BLEU"}),
        ({"metric": "bleu", "tokenize": "char"}, {"name": "BLEU", "tokenize": "char"}),
        ({"metric": "chrf"}, {"name": "CHRF"}),
        ({"metric": "chrf", "word_order": 2}, {"name": "CHRF", "word_order": 2}),
    ],
)  # fmt: skip
def test_scores_over_the_set_are_sacrebleu_s(fields, library):
    import sacrebleu.metrics

    scorer = getattr(sacrebleu.metrics, library.pop("name"))(**library)
    longest = max(map(len, WANTED))
    streams = [[each[at] if at < len(each) else None for each in WANTED] for at in range(longest)]
    figure = figure_of(metric(**{"name": fields.pop("metric")} | fields), ANSWERS, WANTED)
    assert figure.value == pytest.approx(scorer.corpus_score(ANSWERS, streams).score)
    interval, error, sort = figure.interval(seed=1)
    assert interval.low <= figure.value <= interval.high and error > 0 and sort == "bootstrap"


def test_rouge_is_that_of_rouge_score():
    from rouge_score.rouge_scorer import RougeScorer

    figure = figure_of(metric("rouge", type="rouge2"), ANSWERS, WANTED)
    scorer = RougeScorer(["rouge2"])
    wanted = [
        scorer.score_multi(right, answer)["rouge2"].fmeasure for answer, right in zip(ANSWERS, WANTED, strict=True)
    ]
    assert figure.value == pytest.approx(np.mean(wanted))


def test_meteor_is_refused_by_name_where_wordnet_is_not_here(monkeypatch: pytest.MonkeyPatch, tmp_path):
    import nltk

    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    with pytest.raises(EnvironmentProblem, match="meteor needs WordNet"):
        check_installed(metric("meteor"), "/answer/metrics/0")


@pytest.mark.parametrize(("right", "count"), [(0, 5), (3, 7), (16, 16), (501, 1000), (1, 1)])
def test_the_interval_of_a_share_is_wilson_s(right, count):
    wanted = binomtest(right, count).proportion_ci(method="wilson")
    assert wilson(right, count) == pytest.approx((wanted.low, wanted.high), abs=1e-12)
    figure = Figure.of_means(ACCURACY, np.arange(count) < right, proportion=True)
    interval, error, sort = figure.interval(seed=0)
    assert (interval.low, interval.high, sort) == (pytest.approx(wanted.low), pytest.approx(wanted.high), "wilson")
    share = right / count
    wanted_error = math.sqrt(share * (1 - share) / (count - 1)) if count > 1 else math.nan
    assert error == pytest.approx(wanted_error, nan_ok=True)


def test_a_perplexity_is_over_all_tokens_of_the_set():
    """The fixture of ``eval-perplexity-padding``: over all tokens, and no mean over rows."""
    logs = [[-0.5, -1.0], [-2.0, -2.0, -1.0, -3.0, -2.0, -2.0]]
    parts = np.array([[-sum(row), len(row)] for row in logs])
    figure = Figure(Measure("token_perplexity", "", "", better="lower"), parts, exponential)
    assert figure.value == pytest.approx(5.405949, abs=1e-6)
    assert figure.each.mean() == pytest.approx(4.753028, abs=1e-6)
    assert float(bits(np.array([math.log(2) * 6, 3]))) == pytest.approx(2)


def test_differences_are_paired_by_sample():
    one = Figure.of_means(ACCURACY, np.array([1, 1, 0, 1, 1, 0, 1, 1]), proportion=True)
    other = Figure.of_means(ACCURACY, np.array([1, 0, 0, 1, 0, 1, 0, 1]), proportion=True)
    found = paired(one, other, seed=3)
    gap = np.array([0, 1, 0, 0, 1, -1, 1, 0])
    assert (found["wins"], found["ties"], found["losses"]) == (3, 4, 1)
    assert found["difference"] == pytest.approx(gap.mean())
    assert found["standard_error"] == pytest.approx(gap.std(ddof=1) / math.sqrt(8))
    assert found["low"] <= found["difference"] <= found["high"]
    back = paired(other, one, seed=3)
    assert (back["difference"], back["low"], back["high"]) == pytest.approx(
        (-found["difference"], -found["high"], -found["low"])
    )


def test_a_few_ties_are_no_certainty():
    few, many = (Figure.of_means(ACCURACY, np.ones(count), proportion=True) for count in (3, 40))
    found = paired(few, few, seed=3)
    assert (found["difference"], found["ties"]) == (0, 3)
    assert math.isnan(found["low"])
    assert math.isnan(found["high"])
    found = paired(many, many, seed=3)
    assert (found["difference"], found["low"], found["high"]) == (0, 0, 0)


def test_a_smaller_perplexity_wins():
    lower = Measure("perplexity", "Perplexity", "perplexity", better="lower")
    one, other = (Figure(lower, np.array([[nats, 2.0], [nats, 2.0]]), exponential) for nats in (1.0, 2.0))
    assert paired(one, other, seed=0)["wins"] == 2


@pytest.mark.parametrize("name", ["bleu", "chrf"])
def test_a_score_over_one_answer_has_neither_interval_nor_error(name: str):
    found, error, _ = figure_of(metric(name), ["the cat sat here now"], [["the cat sat there now"]]).interval(1)
    assert 0 < found.value < 100 and not found.has_ends and math.isnan(error)
