"""The 44 prompt features that are mostly densities: each on examples worked out by hand, and sane on anything."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.builders.routing._fields.feature_list import DENSITIES, DOMAINS
from runner.builders.routing._prompts.densities import NAMES, densities
from runner.builders.routing._prompts.features import SEARCHED, features
from runner.builders.routing._prompts.named_features import named_features
from runner.builders.routing._prompts.prompted import Standardizer


def of(prompt: str, *history: str) -> dict[str, float]:
    return dict(zip(NAMES, densities([prompt], [history])[0].tolist(), strict=True))


def test_the_groups_have_the_numbers_that_they_should():
    assert Counter(feature.group for feature in DENSITIES) == {
        "complexity": 8,
        "domain": 12,
        "style": 6,
        "conversation context": 3,
        "task type": 10,
        "output format": 5,
    }
    assert len(set(NAMES)) == 44 and all(feature.description for feature in DENSITIES)


#: Numeric feature -> a prompt and the value that it has by hand.
VALUES: dict[str, tuple[str, float]] = {
    "Character count": ("Hello, you.", 11),
    "Word count": ("One two, three four.", 4),
    "Sentence count": ("One. Two! Three", 2),
    "ITT ratio": ("the cat and the dog", 1 - 4 / 5),
    "Average word length": ("an apple", 3.5),
    "Question density": ("Who? Me?", 2 / 8),
    "Nesting depth": ("f(a[b]{c", 3 / 8),
    "Multi-part request density": ("- sing\n- dance and also jump", 4 / 5),  # two items, also, and_also
    "Science score": ("an atom of energy", 2 / 4),
    "Medicine domain score": ("the vaccine and the virus", 2 / 5),
    "Law score": ("a lawyer in court court", 2 / 5),
    "Finance score": ("my mortgage interest rate", 3 / 4),  # mortgage, interest, interest_rate
    "Tech score": ("docker on linux", 2 / 3),
    "Academic score": ("my thesis", 1 / 2),
    "Casual score": ("lol what", 1 / 2),
    "Formal score": ("pursuant to this", 1 / 3),
    "Philosophical score": ("is free will an ethical truth", 3 / 6),
    "Historical score": ("a medieval king", 2 / 3),
    "Personal score": ("my mother sings", 2 / 3),
    "Business score": ("our startup has revenue", 2 / 4),
    "Informal marker density": ("gonna go", 1 / 2),
    "Specificity density": ("exactly 3 lines", 2 / 3),
    "Politeness density": ("please sing", 1 / 2),
    "Urgency density": ("do it right now", 2 / 4),  # now, right_now
    "Conversation turn count": ("And now?", 2),
    "Total context length": ("And now?", 7),
}
#: Yes-or-no feature -> prompts that have it, and prompts that do not.
FLAGS: dict[str, tuple[list[str], list[str]]] = {
    "Starts with verb": (["Write it.", "Please explain it."], ["I write it.", ""]),
    "Is question": (["What is it", "A dog is what?"], ["Name a city."]),
    "Has code request": (["Write a function.", "Debug it"], ["Write a poem."]),
    "Has code block": (["```\nx\n```", "call `f` here", "#include <a>"], ["a b c"]),
    "Has math": (["Calculate it.", "What is 12 * 7?"], ["Tell me about Rome."]),
    "Has numbers": (["room 7"], ["room seven"]),
    "Has math symbols": (["a + b", "x ≤ y", r"\frac{a}{b}"], ["a and b - c"]),
    "Has creative writing": (["Write a haiku."], ["Summarize it."]),
    "Has factual query": (["Who wrote it?", "How many are there?"], ["Sing!"]),
    "Has instruction following": (["You must rhyme.", "Make sure it rhymes."], ["Sing!"]),
    "Has roleplay": (["Act as a pirate.", "You are a doctor."], ["You are kind."]),
    "Has analysis": (["Compare cats and dogs."], ["Draw a cat."]),
    "Expects list": (["List the planets.", "Give me 7 names"], ["Name a planet."]),
    "Expects table": (["as a table"], ["as a vegetable"]),
    "Expects JSON": (["Answer in JSON."], ["Answer in XML."]),
    "Expects code": (["a Python script"], ["a letter"]),
    "Expects long response": (["Write an essay.", "in 500 words"], ["in 50 words"]),
}


def test_every_feature_has_its_example():
    assert {*VALUES, *FLAGS, "Is follow-up"} == set(NAMES)


@pytest.mark.parametrize("name", VALUES)
def test_numbers_by_hand(name):
    prompt, value = VALUES[name]
    history = ("Hi", "there") if name in ("Conversation turn count", "Total context length") else ()
    assert of(prompt, *history)[name] == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("name", FLAGS)
def test_yes_and_no(name):
    has, has_not = FLAGS[name]
    assert {prompt: of(prompt)[name] for prompt in has} == dict.fromkeys(has, 1.0)
    assert {prompt: of(prompt)[name] for prompt in has_not} == dict.fromkeys(has_not, 0.0)


def test_a_conversation_s_first_prompt_follows_nothing():
    assert of("Go on.")["Is follow-up"] == 0 and of("Go on.", "Hi", "Hello")["Is follow-up"] == 1


@pytest.mark.parametrize("name", DOMAINS)
def test_a_domain_is_silent_on_a_prompt_of_none(name):
    assert of("blue window")[name] == 0


def test_names_of_both_sets_stand_in_the_order_asked_for():
    names = ("Has numbers", "log_words", "Word count", "task_math")
    table = named_features(names, ["What is 2 + 2?", "hi"], [(), ()])
    assert table.shape == (2, 4) and table.dtype == np.float32
    np.testing.assert_allclose(table[0], [1, np.log1p(4), 4, 1], rtol=1e-6)
    assert named_features((), ["a", "b"]).shape == (2, 0)


def test_sparse_numbers_are_standardised_over_the_values_that_are_not_zero():
    names = ("Word count", "Urgency density", "Has numbers")
    raw = np.array([[2, 0, 1], [4, 0.2, 0], [6, 0.4, 1], [8, 0, 1]], np.float32)
    standardize = Standardizer.fit(raw, names)
    np.testing.assert_allclose(standardize.mean, [5, 0.3, 0], rtol=1e-6)
    np.testing.assert_allclose(standardize.std, [np.sqrt(5), 0.1, 1], rtol=1e-6)
    again = Standardizer.from_json(standardize.as_json())
    assert again.names == names
    np.testing.assert_array_equal(again(raw), standardize(raw))


def test_a_document_that_names_no_features_has_the_45():
    document = Standardizer.fit(features(["a b", "c"], [(), ()])).as_json()
    assert "features" not in document and len(Standardizer.from_json(document).names) == 45
    with pytest.raises(ValueError, match="Word counts"):
        Standardizer.from_json({"features": ["Word counts"], "feature_mean": [0], "feature_std": [1]})


@settings(max_examples=100, deadline=None)
@given(st.text(), st.lists(st.text(), max_size=3))
def test_any_text_has_finite_features_in_their_bounds(prompt, history):
    row = densities([prompt], [history])[0]
    assert np.isfinite(row).all() and (row >= 0).all()
    assert set(row[[not feature.numeric for feature in DENSITIES]]) <= {0.0, 1.0}


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "unit", [".", "a", "1 ", "1 +", "\n", " ", "- ", "'", "`", "c++", "\\frac", "\ud800", "日", "?!"]
)
def test_a_megabyte_of_anything_is_read_in_a_moment(unit):
    huge = unit * (1_000_000 // len(unit))
    found = of(huge, huge)
    assert np.isfinite(list(found.values())).all() and found["Character count"] == len(huge)


def test_beyond_what_is_searched_lengths_go_on():
    short, long = of("word and " * 1000), of("word and " * 10_000)
    assert len("word and " * 10_000) > SEARCHED
    assert long["Word count"] == pytest.approx(10 * short["Word count"], rel=0.01)
