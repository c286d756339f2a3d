"""The filter on rare LLMs: against plain restatements of what it promises."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from runner.data.comparisons import rare_llms
from tests.data.comparisons.drawn_pairs import pairs, sides


@given(pairs, st.integers(0, 12))
def test_the_filter_is_the_largest_set_in_which_everybody_is_frequent(rows, least):
    kept = rare_llms.frequent(*sides(rows), 7, least)
    left = list(rows)
    while True:  # the same, a row at a time
        counts = Counter(model for row in left for model in row)
        smaller = [row for row in left if min(counts[row[0]], counts[row[1]]) >= least]
        if smaller == left:
            break
        left = smaller
    assert [row for row, keep in zip(rows, kept, strict=True) if keep] == left


@given(pairs)
def test_the_largest_threshold_keeps_something_and_the_next_nothing(rows):
    a, b = sides(rows)
    largest = rare_llms.largest_threshold(a, b, 7)
    assert rare_llms.frequent(a, b, 7, largest).any() == bool(rows)
    assert not rare_llms.frequent(a, b, 7, largest + 1).any()


def test_dropping_a_rare_llm_can_make_another_rare():
    # A chain: 0-1 twice, 1-2 once. Of at least two each, 2 goes, and with it a row of 1, which keeps two.
    a, b = sides([(0, 1), (0, 1), (1, 2)])
    assert rare_llms.frequent(a, b, 3, 2).tolist() == [True, True, False]
    assert not rare_llms.frequent(a, b, 3, 3).any()
