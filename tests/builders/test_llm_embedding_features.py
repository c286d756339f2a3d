"""The 32 features of a (prompt, response) pair: each on examples, and sane on anything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.builders.routing._llms.pair_features import FEATURES, NAMES, NUMERIC, pair_features
from runner.builders.routing._prompts.features import SEARCHED


def of(response: str, prompt: str = "Why is it so?") -> dict[str, float]:
    row = pair_features([prompt, response], np.array([0]), np.array([1]))[0]
    return dict(zip(NAMES, row.tolist(), strict=True))


def test_there_are_32_with_names_and_descriptions():
    assert len(FEATURES) == len(set(NAMES)) == 32 and all(feature.description for feature in FEATURES)
    assert [NAMES[at] for at in NUMERIC] == [feature.name for feature in FEATURES if feature.numeric]


COUNTS = {
    "log_words": ("One two three.", 3),
    "log_characters": ("One two.", 8),
    "log_sentences": ("One. Two! Three? 3.5", 3),
    "log_lines": ("a\nb\nc", 2),
    "log_paragraphs": ("a\n\nb", 1),
    "list_items": ("- one\n* two\n  + three\n-four\na - b", 3),
    "numbered_items": ("1. one\n2) two\n1.5 three", 2),
    "headings": ("# A\n### B\n#hash", 2),
    "code_blocks": ("```python\nx\n```", 2),
    "inline_code": ("`a` and ```\nb\n```", 2),
    "bold": ("**a** b", 2),
    "table_rows": ("| a | b |\n| 1 | 2 |\na | b", 2),
    "links": ("See https://a.b and www.c.d", 2),
    "question_marks": ("What? Why?", 2),
    "exclamation_marks": ("No! Yes!!", 3),
    "hedges": ("Perhaps it might, perhaps not.", 2),
}


@pytest.mark.parametrize("name", COUNTS)
def test_counts(name):
    response, count = COUNTS[name]
    assert of(response)[name] == pytest.approx(np.log1p(count), abs=1e-6)
    if name not in ("log_words", "log_characters"):
        assert of("plain words")[name] == 0


def test_shares():
    found = of("ABcd 12, (é) x")
    assert found["uppercase_share"] == pytest.approx(2 / 5)
    assert found["digit_share"] == pytest.approx(2 / 15) and found["non_ascii_share"] == pytest.approx(2 / 15)
    assert found["commas"] == found["brackets"] == pytest.approx(1 / 4)
    assert of("I think we do")["first_person"] == 0.5
    assert of("a a b a")["distinct_words"] == 0.5


def test_relation_to_the_prompt():
    found = of("the red dog", "The red cat and the rest")
    assert found["response_overlap"] == pytest.approx(2 / 3) and found["prompt_overlap"] == pytest.approx(2 / 5)
    assert found["log_prompt_words"] == pytest.approx(np.log1p(6))
    assert found["log_words_ratio"] == pytest.approx(np.log(4 / 7))


@pytest.mark.parametrize(
    "text", ["I cannot do that.", "I’m unable to.", "As an AI, no.", "I don't know.", "We can't help"]
)
def test_refusals(text):
    assert of(text)["refusal"] == 1 and of("It can be done.")["refusal"] == 0


def test_apologies_and_ends():
    assert of("Sorry about that.")["apology"] == 1 and of("No worry.")["apology"] == 0
    for text, is_open in (("Done.", 0), ("and then", 1), ("", 1), ("```\nx\n```", 0), ("いいえ。", 0)):
        assert of(text)["ends_open"] == is_open


def test_a_row_depends_on_its_own_pair_only():
    texts = [response for response, _ in COUNTS.values()]
    prompt, response = np.array([3, 0, 5, 3]), np.array([1, 2, 3, 4])
    table = pair_features(texts, prompt, response)
    assert table.shape == (4, 32) and table.dtype == np.float32
    for at in range(4):
        alone = pair_features([texts[prompt[at]], texts[response[at]]], np.array([0]), np.array([1]))[0]
        np.testing.assert_array_equal(table[at], alone)
    assert pair_features(texts, prompt[:0], response[:0]).shape == (0, 32)


def test_more_texts_than_a_chunk(monkeypatch):
    monkeypatch.setattr("runner.builders.routing._llms.pair_features.CHUNK", 3)
    texts = ["p", *(f"{'A' * at}b?" for at in range(8))]
    table = pair_features(texts, np.zeros(8, int), np.arange(1, 9))
    shares = table[:, NAMES.index("uppercase_share")]
    np.testing.assert_allclose(shares, [at / (at + 1) for at in range(8)], rtol=1e-6)


@settings(max_examples=200, deadline=None)
@given(st.text(), st.text())
def test_any_pair_has_finite_features_in_their_bounds(prompt, response):
    row = pair_features([prompt, response], np.array([0]), np.array([1]))
    assert row.shape == (1, 32) and np.isfinite(row).all()
    found = dict(zip(NAMES, row[0].tolist(), strict=True))
    assert all(value >= 0 for name, value in found.items() if name != "log_words_ratio")
    for feature in FEATURES:
        if not feature.numeric or feature.name.endswith(("_share", "_overlap")):
            assert found[feature.name] <= 1


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "unit", [".", "a", "1 ", "\n", " ", "'", "a'", "`", "- ", "\n-", "|", "\ud800", "日", "can", "#"]
)
def test_a_megabyte_of_anything_is_read_in_a_moment(unit):
    huge = unit * (1_000_000 // len(unit))
    row = of(huge, huge)
    assert len(huge) > SEARCHED and np.isfinite(list(row.values())).all()
    assert row["log_characters"] == pytest.approx(np.log1p(len(huge)))
