"""The 45 prompt features: each on examples, and sane on anything."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.builders.routing._prompts.features import FEATURES, NAMES, NUMERIC, SEARCHED, features


def of(prompt: str, *history: str) -> dict[str, float]:
    return dict(zip(NAMES, features([prompt], [history])[0].tolist(), strict=True))


def test_the_groups_have_the_numbers_that_they_should():
    assert Counter(feature.group for feature in FEATURES) == {
        "task type": 10,
        "complexity": 8,
        "domain": 12,
        "style": 6,
        "conversation context": 4,
        "output format": 5,
    }
    assert len(set(NAMES)) == 45 and all(feature.description for feature in FEATURES)
    assert [NAMES[at] for at in NUMERIC] == [feature.name for feature in FEATURES if feature.numeric]


#: Feature -> prompts that have it, and prompts that do not.
EXAMPLES: dict[str, tuple[list[str], list[str]]] = {
    "task_coding": (
        ["Write a Python function that reverses a list.", "Why does this fail?\n```\nx = [1]\n```", "Fix: print('a'"],
        ["Write a poem about the sea.", "Who codes of honour were written for?"],
    ),
    "task_math": (
        [
            "Calculate the tip.",
            "What is 12 * 7?",
            "How many apples are left?",
            r"Show that \frac{a}{b} > 0",
            "x = 3, so?",
        ],
        ["Tell me about Rome.", "Who was the first of them?"],
    ),
    "task_creative_writing": (["Write a haiku on rain.", "Tell me a JOKE."], ["Summarize the report."]),
    "task_question": (
        ["What is it", "Hi, can you swim", "A dog is what?", "日本の首都は何ですか？"],
        ["Name a city.", ""],
    ),
    "task_explanation": (["Explain gravity.", "How does a fridge work?", "Why is it blue?"], ["Name a colour."]),
    "task_summarization": (["Summarise this.", "TLDR of the text", "Give me the main points."], ["Write more."]),
    "task_translation": (["Translate: dog", "Say it in French."], ["The French are in Paris."]),
    "task_editing": (["Rewrite the sentence.", "Proofread my text", "Fix the spelling."], ["Write a sentence."]),
    "task_analysis": (["Compare cats and dogs.", "What are the pros and cons?", "Classify it."], ["Draw a cat."]),
    "task_planning": (["Plan a party.", "Suggest a name.", "Any tips?"], ["Name the planet."]),
    "domain_software": (["Set up a Docker container", "learn C++", "a REST API"], ["a cup of tea"]),
    "domain_mathematics": (["A theorem", "linear algebra"], ["a linear story"]),
    "domain_science": (["What is DNA?", "a black hole"], ["a black cat in a hole"]),
    "domain_medicine": (["symptoms of flu", "his diagnosis"], ["his car"]),
    "domain_law": (["a contract clause", "terms of service"], ["a short poem"]),
    "domain_business": (["a marketing strategy", "my cover letter"], ["a red letter"]),
    "domain_history": (["the Roman Empire", "World War II"], ["the next world"]),
    "domain_arts": (["a painting by Monet", "sonnet"], ["a window"]),
    "domain_entertainment": (["a chess opening", "Star Wars"], ["a bright star"]),
    "domain_education": (["my homework", "a lesson plan"], ["my house"]),
    "domain_daily_life": (["a recipe for soup", "a trip to Rome"], ["a theorem"]),
    "domain_society": (["Kant's ethics", "an election"], ["a window"]),
    "style_polite": (["Please help.", "Would you mind?", "thanks!"], ["Help."]),
    "style_informal": (["lol what", "wanna go?", "hey there"], ["What do you want?"]),
    "style_imperative": (["Write it.", "Please explain it.", "  list ten"], ["I write it.", "What should I list?"]),
    "style_personal": (["I like it.", "Is my car red?", "I’m here"], ["The car is red."]),
    "context_refers_back": (["Now the previous one again", "And what about cats?"], ["What is a cat?"]),
    "format_list": (["List the planets.", "Give me 7 names", "in bullet points"], ["Name a planet."]),
    "format_table": (["as a table", "in CSV"], ["as a vegetable"]),
    "format_structured": (["as JSON", "in the following format"], ["as prose"]),
    "format_length": (["in 100 words", "in one sentence", "briefly", "at most two pages long"], ["100 dollars"]),
    "format_steps": (["step by step", "How to tie a tie", "step-by-step"], ["a doorbell"]),
}


def test_every_yes_or_no_feature_has_its_examples():
    assert set(EXAMPLES) == {feature.name for feature in FEATURES if not feature.numeric}


@pytest.mark.parametrize("name", EXAMPLES)
def test_yes_and_no(name):
    has, has_not = EXAMPLES[name]
    assert {prompt: of(prompt)[name] for prompt in has} == dict.fromkeys(has, 1.0)
    assert {prompt: of(prompt)[name] for prompt in has_not} == dict.fromkeys(has_not, 0.0)


def test_lengths():
    found = of("One two three. Four five two!")
    assert found["log_characters"] == pytest.approx(np.log1p(29))
    assert found["log_words"] == pytest.approx(np.log1p(6))
    assert found["log_sentences"] == pytest.approx(np.log1p(2))
    assert found["log_sentence_length"] == pytest.approx(np.log1p(3))
    assert found["distinct_words"] == pytest.approx(5 / 6)
    assert found["word_length"] == pytest.approx(29 / 6)


def test_conditions_and_arguments_are_counted_once_each():
    found = of("It must be short, it must not rhyme. If so, why? If not, then because?")
    assert found["requirements"] == pytest.approx(np.log1p(2))  # must, not
    assert found["reasoning"] == pytest.approx(np.log1p(5))  # if, so, why, then, because


def test_capitals_and_marks():
    assert of("ABcd 12")["uppercase_share"] == 0.5
    assert of("1234 日本")["uppercase_share"] == 0
    assert of("What?! No!")["emphasis"] == pytest.approx(np.log1p(3))


def test_the_conversation_before():
    alone, after = of("And the red cat?"), of("And the red cat?", "A cat!", "Which one?")
    assert alone["log_earlier_turns"] == alone["log_history_characters"] == alone["history_overlap"] == 0
    assert after["log_earlier_turns"] == pytest.approx(np.log1p(2))
    assert after["log_history_characters"] == pytest.approx(np.log1p(16))
    assert after["history_overlap"] == pytest.approx(1 / 4)


def test_a_row_depends_on_its_own_prompt_only():
    prompts = [prompt for has, has_not in EXAMPLES.values() for prompt in has + has_not]
    histories = [("x " * at,) * (at % 3) for at in range(len(prompts))]
    many = features(prompts, histories)
    assert many.shape == (len(prompts), 45) and many.dtype == np.float32
    assert (many[::-1] == features(prompts[::-1], histories[::-1])).all()
    for at in (0, 17, len(prompts) - 1):
        assert (many[at] == features([prompts[at]], [histories[at]])[0]).all()


def test_no_prompt_at_all():
    assert features([], []).shape == (0, 45)


def test_a_prompt_of_more_than_a_chunk(monkeypatch):
    monkeypatch.setattr("runner.builders.routing._prompts.features.CHUNK", 3)
    prompts = [f"{'A' * at}b?" for at in range(8)]
    shares = features(prompts, [()] * 8)[:, NAMES.index("uppercase_share")]
    np.testing.assert_allclose(shares, [at / (at + 1) for at in range(8)], rtol=1e-6)


@settings(max_examples=200, deadline=None)
@given(st.text(), st.lists(st.text(), max_size=3))
def test_any_text_has_finite_features_in_their_bounds(prompt, history):
    row = features([prompt], [history])[0]
    assert np.isfinite(row).all() and (row >= 0).all()
    flags = [at for at, feature in enumerate(FEATURES) if not feature.numeric]
    assert set(row[flags]) <= {0.0, 1.0}
    for name in ("uppercase_share", "history_overlap", "distinct_words"):
        assert row[NAMES.index(name)] <= 1


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "unit",
    [
        ".",
        "a",
        "1 ",
        "1 +",
        "\n",
        " ",
        "SELECT ",
        "'",
        "a'",
        "```",
        "c++",
        "\\frac",
        "x =",
        "\ud800",
        "日",
        "top 10 ",
        "?!",
    ],
)
def test_a_megabyte_of_anything_is_read_in_a_moment(unit):
    # An expression that backtracks would need hours for one of these.
    huge = unit * (1_000_000 // len(unit))
    row = of(huge, huge)
    assert np.isfinite(list(row.values())).all()
    assert row["log_characters"] == pytest.approx(np.log1p(len(huge)))


def test_beyond_what_is_searched_lengths_go_on():
    short, long = of("word and " * 1000), of("word and " * 10_000)
    assert len("word and " * 10_000) > SEARCHED
    assert long["log_words"] == pytest.approx(short["log_words"] + np.log(10), abs=0.01)


def test_real_prompts_have_every_kind_of_feature(shared_data):
    import json

    lines = (shared_data / "pandalm_human_comparisons.jsonl").read_text().splitlines()
    prompts = sorted({json.loads(line)["conversation_a"][0]["content"][0]["text"] for line in lines})
    table = features(prompts, [()] * len(prompts))
    share = (table > 0).mean(axis=0)
    silent = [name for name, value in zip(NAMES, share, strict=True) if value == 0]
    assert set(silent) <= {"log_earlier_turns", "log_history_characters", "history_overlap", "domain_law"}
    assert (table.std(axis=0)[NUMERIC[:8]] > 0).all()
