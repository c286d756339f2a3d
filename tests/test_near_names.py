"""The nearest word: capital letters and blanks around it count for nothing, and what is not near is not proposed."""

from __future__ import annotations

import pytest

from runner import near_names


@pytest.mark.parametrize(("word", "words", "meant"), [
    ("elo_scorng", ["elo_scoring", "simple_scoring"], "elo_scoring"),
    ("GPT-4", ["gpt-4", "gpt-3.5"], "gpt-4"),
    ("left", ["  LEFT  ", "right"], "  LEFT  "),
    ("quite another", ["left", "right"], None),
    ("left", [], None),
])  # fmt: skip
def test_the_word_that_was_probably_meant(word: str, words: list[str], meant: str | None):
    assert near_names.nearest(word, words) == meant
    assert near_names.hint(word, words, "ask") == (f"did you mean {meant!r}?" if meant else "ask")


def test_how_alike_it_has_to_be_is_said():
    assert near_names.nearest("abcd", ["abxx"], cutoff=0.5) == "abxx"
    assert near_names.nearest("abcd", ["abxx"], cutoff=0.7) is None


@pytest.mark.parametrize(("word", "sure"), [("epoch", True), ("EPOCHS", True), ("epochz", False), ("data", False)])
def test_a_word_is_put_in_unasked_where_no_other_can_have_been_meant(word: str, sure: bool):
    words = ["epochs"] if word == "epoch" else ["epochs", "epoch_s"]
    assert near_names.unmistakable(word, words) is sure
