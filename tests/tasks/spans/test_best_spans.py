"""The best answers against all that there are."""

from __future__ import annotations

import math

import numpy as np
import pytest

from runner.tasks.spans.best_spans import Found, Span, WindowScores, best_spans

TEXT = "The market opens at seven and closes at noon."
PLACES = [(at, at + len(word)) for word in TEXT.split() for at in [TEXT.index(f"{word}")]]


def window(rng: np.random.Generator, first: int, last: int) -> WindowScores:
    places = np.array(PLACES[first:last])
    count = last - first
    return WindowScores(rng.normal(size=count), rng.normal(size=count), places[:, 0], places[:, 1], float(rng.normal()))


@pytest.mark.parametrize("longest", [1, 3, 20])
def test_the_best_places_of_all_windows_are_found(longest):
    windows = [window(np.random.default_rng(at), first, last) for at, (first, last) in enumerate([(0, 6), (3, 9)])]
    every: dict[tuple[int, int], float] = {}
    for each in windows:
        for i in range(len(each.starts)):
            for j in range(i, min(i + longest, len(each.starts))):
                place = int(each.first[i]), int(each.last[j])
                every[place] = max(every.get(place, -math.inf), float(each.starts[i] + each.ends[j]))
    expected = sorted(every.items(), key=lambda item: -item[1])[:5]
    found = best_spans(TEXT, windows, longest, 5)
    assert [(span.start, span.end) for span in found.spans] == [place for place, _ in expected]
    assert [span.logit for span in found.spans] == pytest.approx([logit for _, logit in expected])
    assert found.null == min(each.null for each in windows)


def test_blanks_at_the_ends_are_no_part_of_an_answer():
    scores = WindowScores(np.array([1.0]), np.array([1.0]), np.array([3]), np.array([11]), 0.0)
    (span,) = best_spans(TEXT, [scores], 5).spans
    assert TEXT[span.start : span.end] == "market"


def test_a_window_without_a_token_of_the_text_has_no_answer():
    none = np.zeros(0)
    found = best_spans(TEXT, [WindowScores(none, none, none, none, 1.0)], 5)
    assert not found.answered(None)
    assert found.null_score == math.inf


def test_an_answer_is_given_up_to_the_threshold():
    found = Found((Span(0, 3, 2.0),), 3.0)
    assert found.answered(None)
    assert found.answered(1.0)
    assert not found.answered(0.9)
    shares, none = found.shares(with_null=True)
    assert sum(shares) + none == pytest.approx(1)
    assert found.shares(with_null=False) == ([1.0], 0.0)
