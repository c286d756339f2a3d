"""The measure of answers, the threshold of giving none, and models side by side."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runner.data.context_questions.question_row import GoldAnswer, QuestionRow
from runner.tasks.spans.baselines import baselines, name_in_sentence, nearest_sentence
from runner.tasks.spans.best_spans import Found, Span
from runner.tasks.spans.comparing import compare
from runner.tasks.spans.measuring import measure_spans
from runner.tasks.spans.null_threshold import choose, curve

CONTEXT = "The mill was built in 1904. Bread is baked there by Ines Roth."
BUILT = QuestionRow(1, CONTEXT, "When was the mill built?", (GoldAnswer("1904", 22), GoldAnswer("in 1904", 19)))
BAKER = QuestionRow(2, CONTEXT, "Who bakes bread?", (GoldAnswer("Ines Roth", 52),))
NONE = QuestionRow(3, "Otters hunt at night.", "How old is the mill?", ())
ROWS = [BUILT, BAKER, NONE]


def test_the_best_of_several_answers_counts_and_both_sorts_are_told_apart():
    metrics, tables = measure_spans(ROWS, ["1904", "Roth", "night"], [0.9, 0.5, 0.8], seed=1)
    assert metrics["exact_match"] == pytest.approx(1 / 3)
    assert metrics["f1"] == pytest.approx((1 + 2 / 3) / 3)
    assert metrics["has_answer_f1"] == pytest.approx((1 + 2 / 3) / 2)
    assert metrics["no_answer_accuracy"] == 0
    assert metrics["f1_low"] <= metrics["f1"] <= metrics["f1_high"]
    found = {table.name: table for table in tables}
    assert [row[0] for row in found["answerable"].rows] == ["with an answer", "without"]
    assert [row[3] for row in found["worst_errors"].rows] == ["night", "Roth"]
    assert [row[0] for row in found["question_words"].rows] == ["how", "when", "who"]


def test_without_unanswerable_questions_there_is_one_figure():
    metrics, _ = measure_spans(ROWS[:2], ["1904", "Roth"], [0.9, 0.5], seed=1)
    assert metrics["has_answer_f1"] == metrics["f1"]
    assert metrics["no_answer_accuracy"] is None


def test_without_a_question_nothing_is_measured():
    metrics, tables = measure_spans([], [], [], seed=1)
    assert metrics["f1"] is None
    assert tables == []


def test_the_threshold_tells_both_sorts_apart():
    found = [
        Found((Span(22, 26, 5.0),), 1.0),
        Found((Span(52, 61, 5.0),), 4.0),
        Found((Span(0, 6, 1.0),), 3.0),
    ]
    threshold = choose(ROWS, found)
    assert -1 < threshold < 2
    assert choose(ROWS[:2], found[:2]) is None
    table = curve(ROWS, found, threshold)
    assert max(row[1] for row in table.rows) == 1


def test_baselines_need_no_learning():
    assert nearest_sentence(BUILT.question, CONTEXT) == "The mill was built in 1904."
    assert name_in_sentence(BUILT.question, CONTEXT) == "1904"
    table = baselines(ROWS, seed=1).table()
    assert table.name == "baselines"
    assert table.rows[0][0] == "no answer"
    assert [row[0] for row in baselines(ROWS[:2], seed=1).table().rows] == [row[0] for row in table.rows[1:]]


def test_models_are_compared_on_the_same_contexts():
    rows = [replace(BUILT, line=at, context=f"{at}. {CONTEXT}") for at in range(30)]
    good, bad = ["1904"] * 30, ["mill"] * 30
    first, second = compare([("bad", bad), ("good", good)], rows, seed=1)
    assert (first["label"], first["best"], second["label"]) == ("good", True, "bad")
    assert not second["tied_with_best"]
