"""Sampling and the split: against plain restatements of what they promise."""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.data.comparisons import graph, prompt_split
from tests.data.comparisons.drawn_pairs import pairs, sides


def digests(n: int) -> list[bytes]:
    return [hashlib.sha256(bytes([at % 256, at // 256])).digest() for at in range(n)]


@settings(max_examples=60)
@given(
    st.lists(st.sampled_from([f"key {at}" for at in range(12)]), min_size=1, max_size=60),
    st.floats(0, 0.99),
    st.integers(0, 10**9),
)
def test_a_split_is_whole_keys_near_the_fraction_and_never_empty(keys, fraction, seed):
    if fraction and len(set(keys)) < 2:
        with pytest.raises(ValueError, match="divided"):
            prompt_split.split(keys, fraction, seed)
        return
    held = prompt_split.split(keys, fraction, seed)
    inside = {key for key, is_held in zip(keys, held, strict=True) if is_held}
    outside = {key for key, is_held in zip(keys, held, strict=True) if not is_held}
    assert not inside & outside
    if fraction == 0:
        assert not held.any()
        return
    assert inside and outside
    # Off by no more than the largest key's rows, unless one side would be empty.
    if len(inside) > 1 and len(outside) > 1:
        assert abs(held.sum() - fraction * len(keys)) <= max(Counter(keys).values())


def test_a_split_is_the_same_for_a_seed_whatever_the_order_of_the_rows():
    keys = [f"key {at % 40}" for at in range(200)]
    held = dict(zip(keys, prompt_split.split(keys, 0.2, 7), strict=True))
    turned = dict(zip(keys[::-1], prompt_split.split(keys[::-1], 0.2, 7), strict=True))
    assert held == turned
    assert held != dict(zip(keys, prompt_split.split(keys, 0.2, 8), strict=True))
    # A value that was computed once: the choice must not move with a version of a library.
    assert sorted(int(key[4:]) for key, is_held in held.items() if is_held) == [2, 3, 20, 26, 28, 34, 36, 38]


def test_case_and_spacing_make_no_other_prompt():
    assert prompt_split.split_key(" What\nis  IT?") == prompt_split.split_key("what is it?")
    assert prompt_split.split_key("what is it") != prompt_split.split_key("what is it?")


def test_a_sample_is_seeded_and_keeps_the_order():
    chosen = prompt_split.sample(digests(300), 50, 1)
    assert len(chosen) == 50 and (np.diff(chosen) > 0).all()
    assert (chosen == prompt_split.sample(digests(300), 50, 1)).all()
    assert (chosen != prompt_split.sample(digests(300), 50, 2)).any()
    assert prompt_split.sample(digests(3), 50, 1).tolist() == [0, 1, 2]
    # A larger sample contains a smaller one: more data is more of the same.
    assert set(chosen) < set(prompt_split.sample(digests(300), 80, 1))


def test_components_by_their_smallest_member():
    a, b = sides([(4, 2), (2, 3), (0, 1), (6, 5)])
    assert graph.components(a, b, 8).tolist() == [0, 0, 2, 2, 2, 5, 5, -1]
    assert graph.components(*sides([]), 2).tolist() == [-1, -1]


@given(pairs)
def test_components_are_those_of_a_search(rows):
    label = graph.components(*sides(rows), 7)
    reach = {at: {at} for pair in rows for at in pair}
    for _ in range(7):
        for one, other in rows:
            reach[one] = reach[other] = reach[one] | reach[other]
            for member in reach[one]:
                reach[member] = reach[one]
    assert label.tolist() == [min(reach[at]) if at in reach else -1 for at in range(7)]


def test_oddities_name_the_llms():
    names = ("ann", "bob", "cat", "dan", "eve")
    a, b = sides([(0, 1), (1, 0), (2, 3), (2, 3)])
    said = graph.oddities(a, b, np.array([0, 0, 0, 2], np.int8), names)
    assert [sentence.split(":")[0] for sentence in said] == [
        "no training comparison has eve",
        "the comparison graph is not connected, and scores of different parts cannot be compared",
        "only won, in every decided training comparison",
        "only lost, in every decided training comparison",
    ]
    assert "2 parts: ann, bob; cat, dan" in said[1] and "cat" in said[2] and "dan" in said[3]


def test_sound_comparisons_have_no_oddities():
    a, b = sides([(0, 1), (0, 1), (1, 2), (2, 1)])
    assert graph.oddities(a, b, np.array([0, 1, 0, 0], np.int8), ("a", "b", "c")) == []
