"""Questions and contexts as windows: nothing of a context is skipped, and answers are where they were."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.builders.text._windows.question_windows import Sizes, gold, windows
from runner.data.context_questions.question_row import GoldAnswer, QuestionRow
from tests.training import tiny_models

WORDS = ["hello", "world", "the", "of", "and", "what", "is", "a", "b", "c", "worlds", "helloing", "?", "!"]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    from transformers import BertTokenizerFast

    place = tmp_path_factory.mktemp("tokenizer") / "vocab.txt"
    place.write_text("\n".join([*tiny_models.SPECIAL, *tiny_models.WORDS]))
    return BertTokenizerFast(str(place))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=30),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=60),
    st.integers(0, 8),
    st.data(),
)
def test_windows_hold_all_of_a_context_and_its_answer(tokenizer, question, context, stride, data):
    text = "  ".join(context)
    first = data.draw(st.integers(0, len(context) - 1))
    last = data.draw(st.integers(first, min(first + 3, len(context) - 1)))
    start = len("  ".join([*context[:first], ""]))
    answer = GoldAnswer("  ".join(context[first : last + 1]), start)
    row = QuestionRow(1, text, " ".join(question), (answer,))
    sizes = Sizes(max_length=24, doc_stride=stride, question=8, answer=10)
    made = windows([row], tokenizer, sizes)
    assert (made.tokens.lengths <= 24).all()
    seen = np.zeros(len(text), bool)
    for one, other in (
        (a, b) for first_, last_ in zip(made.first, made.last, strict=True) for a, b in zip(first_, last_, strict=True)
    ):
        seen[one:other] = True
    assert all(seen[at] or text[at].isspace() for at in range(len(text)))
    where = gold([row], made, 10)
    with_answer = np.flatnonzero(where.start != made.null)
    assert bool(len(with_answer)) == bool(where.found[0] or where.too_long[0])
    for at in with_answer:
        one, other = where.start[at] - made.begin[at], where.end[at] - made.begin[at]
        assert text[made.first[at][one] : made.last[at][other]] == answer.text
    assert bool(made.cut) == (len(tokenizer(row.question, add_special_tokens=False)["input_ids"]) > 8)


def test_an_answer_at_the_very_end_of_a_long_context_is_in_one_window(tokenizer):
    text = "hello world . " * 100 + "what a"
    row = QuestionRow(1, text, "what is the world ?", (GoldAnswer("what a", len(text) - 6),))
    made = windows([row], tokenizer, Sizes(64, 16, 32, 10))
    where = gold([row], made, 10)
    assert where.found.all()
    assert np.flatnonzero(where.start != made.null).tolist() == [len(made) - 1]


def test_a_question_without_an_answer_ends_at_the_first_token(tokenizer):
    row = QuestionRow(1, "hello world", "what ?", ())
    made = windows([row], tokenizer, Sizes(64, 16, 32, 10))
    where = gold([row], made, 10)
    assert where.start.tolist() == where.end.tolist() == [0]
    assert not where.found.any()


def test_an_answer_that_is_too_long_to_be_given_is_told(tokenizer):
    row = QuestionRow(1, "hello world the end of a", "what ?", (GoldAnswer("hello world the end", 0),))
    made = windows([row], tokenizer, Sizes(64, 16, 32, 3))
    where = gold([row], made, 3)
    assert where.too_long.tolist() == [True]
    assert where.found.tolist() == [False]


def test_a_context_without_a_token_has_a_window_without_a_place(tokenizer):
    row = QuestionRow(1, "\u200b", "what ?", ())
    made = windows([row], tokenizer, Sizes(64, 16, 32, 3))
    assert len(made) == 1
    assert not len(made.first[0])
    assert made.allowed(np.array([0]), 8).sum() == 1
