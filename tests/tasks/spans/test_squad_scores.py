"""Exact match and F1 as SQuAD's own script has them, by hand."""

from __future__ import annotations

import pytest

from runner.tasks.spans.squad_scores import scores


@pytest.mark.parametrize(
    ("said", "known", "exact", "f1"),
    [
        ("noon", ["noon"], 1, 1),
        ("  The  Noon. ", ["noon"], 1, 1),
        ("at noon", ["noon"], 0, 2 / 3),
        ("at noon", ["noon", "at noon!"], 1, 1),
        ("old-mill", ["old mill"], 0, 0),
        ("to be or to be", ["to be"], 0, 2 * (2 / 5) / (2 / 5 + 1)),
        ("U.S. market", ["us Market"], 1, 1),
        ("theatre", ["atre"], 0, 0),
    ],
)
def test_the_nearest_answer_counts_but_for_case_punctuation_and_articles(said, known, exact, f1):
    assert scores(said, known) == pytest.approx((exact, f1))


def test_no_answer_is_right_where_there_is_none():
    assert scores("", []) == (1, 1)
    assert scores("noon", []) == (0, 0)
    assert scores("", ["noon"]) == (0, 0)


def test_an_answer_of_nothing_but_an_article_is_compared_as_it_stands():
    assert scores("A", ["A"]) == (1, 1)
    assert scores("", ["A"]) == (0, 0)
