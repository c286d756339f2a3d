"""The packaged data set `sample`: its layout, its winners, and that its script still makes it."""

import sys
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "runner" / "data" / "comparisons" / "sample"
sys.path.insert(0, str(ROOT / "examples"))

import make_sample  # noqa: E402 - the examples are no package: their folder must be on the path first
from sample import checks, comparisons, prompts, readme, rules  # noqa: E402
from sample.answerers import LANGUAGE_MODELS, NEIGHBOUR, answer_all  # noqa: E402


@pytest.fixture(scope="module")
def table():
    return pq.read_table(FOLDER / "comparisons.parquet")


@pytest.fixture(scope="module")
def rows(table):
    return table.to_pylist()


def said(row, side):
    """The prompt and the answer of one side."""
    return [turn["content"][0]["text"] for turn in row[f"conversation_{side}"]]


def test_it_is_small_and_has_the_raw_layout(table, rows):
    assert (FOLDER / "comparisons.parquet").stat().st_size < 2_000_000
    assert table.schema.equals(comparisons.SCHEMA)
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        assert row["winner"] in {"model_a", "model_b", "tie", "both_bad"}
        assert row["model_a"] != row["model_b"]
        for side in "ab":
            turns = row[f"conversation_{side}"]
            assert [turn["role"] for turn in turns] == ["user", "assistant"]
            assert [[part["type"] for part in turn["content"]] for turn in turns] == [["text"], ["text"]]
            assert all(text.strip() for text in said(row, side))
        assert said(row, "a")[0] == said(row, "b")[0]


def test_every_winner_follows_from_the_check(rows):
    for row in rows:
        right = [checks.passes(row["kind"], said(row, side)[1], row["reference"]) for side in "ab"]
        assert row["winner"] == checks.winner(*right), row["id"]


def test_an_answerer_gives_one_answer_to_a_prompt(rows):
    given = {}
    for row in rows:
        for side in "ab":
            prompt, answer = said(row, side)
            assert given.setdefault((prompt, row[f"model_{side}"]), answer) == answer


def test_there_is_enough_of_everything_to_learn_from(rows):
    seen, won, lost, outcomes = Counter(), Counter(), Counter(), Counter(row["winner"] for row in rows)
    for row in rows:
        seen.update((row["model_a"], row["model_b"]))
        if row["winner"].startswith("model"):
            won[row[row["winner"]]] += 1
            lost[row["model_b" if row["winner"] == "model_a" else "model_a"]] += 1
    assert len(rows) >= 3000
    assert len(seen) >= 8
    assert len({row["kind"] for row in rows}) >= 6
    assert len({said(row, "a")[0] for row in rows}) >= 600
    assert (outcomes["model_a"] + outcomes["model_b"]) / len(rows) >= 0.5
    assert min(outcomes[name] for name in ("model_a", "model_b", "tie", "both_bad")) > 0
    for name in seen:
        assert seen[name] >= 300
        assert won[name] > 0
        assert lost[name] > 0


def test_each_answerer_beat_and_was_beaten_along_a_chain_of_all_others(rows):
    """Strongly connected wins: a Bradley-Terry rating then exists and is finite."""
    names = sorted({row["model_a"] for row in rows} | {row["model_b"] for row in rows})
    beat = np.eye(len(names), dtype=bool)
    for row in rows:
        if row["winner"].startswith("model"):
            loser = row["model_b" if row["winner"] == "model_a" else "model_a"]
            beat[names.index(row[row["winner"]]), names.index(loser)] = True
    assert np.linalg.matrix_power(beat.astype(float), len(names)).all()


def test_no_winner_can_be_told_from_the_side(rows):
    outcomes = Counter(row["winner"] for row in rows)
    assert abs(outcomes["model_a"] - outcomes["model_b"]) < 0.1 * len(rows)


def test_the_script_still_makes_these_prompts_and_the_rules_still_give_these_answers(rows):
    questions, bank = prompts.make_prompts(make_sample.SEED, make_sample.ASKED, make_sample.BANKED)
    known = {question.text: question for question in questions}
    assert len(known) == len(questions)
    assert not known.keys() & {prompt.text for prompt in bank}
    answerers = rules.rule_answerers(make_sample.SEED)
    for row in rows:
        prompt = said(row, "a")[0]
        assert (known[prompt].kind, known[prompt].reference) == (row["kind"], row["reference"])
        for side in "ab":
            if row[f"model_{side}"] in answerers:
                assert said(row, side)[1] == answerers[row[f"model_{side}"]](prompt)


def test_the_page_counts_these_rows(rows):
    page = (FOLDER / "README.md").read_text()
    seen = Counter(row[side] for row in rows for side in ("model_a", "model_b"))
    assert f"{len(rows):,} comparisons" in page
    assert seen.keys() == readme.ANSWERERS.keys()
    for name, count in seen.items():
        assert f"| {name} | {readme.ANSWERERS[name]} | {count} |" in page


@pytest.mark.parametrize(
    ("kind", "answer", "reference", "right"),
    [
        ("addition", "5 + 7 = 12.", "12", True),
        ("addition", "The answer is twelve.", "12", True),
        ("conversion", "It is 1,200 of them", "1200", True),
        ("addition", "12 is 5 + 7", "12", False),
        ("addition", "12.5", "12", False),
        ("larger", "45 is larger than 12.", "45", True),
        ("larger", "The larger one is 45", "45", True),
        ("sort", "3, 7 and 19", "3, 7, 19", True),
        ("sort", "1. 3\n2. 7\n3. 19", "3, 7, 19", False),
        ("capital", "It is Bogotá.", "Bogota", True),
        ("opposite", "Unhappy", "sad/unhappy", True),
        ("opposite", "Coldness", "cold", False),
        ("translation", "soeur", "sœur", True),
        ("copy", '"Blue cat."', "blue cat", True),
        ("copy", "You said: blue cat", "blue cat", False),
        ("parity", "No, it is odd.", "no", True),
        ("parity", "Yes or no: is 4 odd?", "yes", False),
        ("animal", "None of these", "no", False),
        ("weekday", "Two days after Monday is Wednesday.", "Wednesday", True),
        ("weekday", "", "Wednesday", False),
    ],
)
def test_a_check_is_exact(kind, answer, reference, right):
    assert checks.passes(kind, answer, reference) is right


def test_an_answerer_that_says_it_cannot_never_passes():
    questions, _ = prompts.make_prompts(3, 20, 1)
    for sentence in (rules.CANNOT, rules.MISSING, rules.calculator(""), rules.converter(""), rules.quoter("")):
        assert not any(checks.passes(question.kind, sentence, question.reference) for question in questions)


@pytest.mark.slow
def test_the_neighbours_answers_are_made_again(rows):
    questions, bank = prompts.make_prompts(make_sample.SEED, make_sample.ASKED, make_sample.BANKED)
    # Every fifth of each kind.
    some = questions[::5]
    again = answer_all(some, bank, make_sample.SEED, language_models=False)[NEIGHBOUR]
    known = {question.text: answer for question, answer in zip(some, again, strict=True)}
    given = [said(row, side) for row in rows for side in "ab" if row[f"model_{side}"] == NEIGHBOUR]
    given = [each for each in given if each[0] in known]
    assert len(given) > 100
    # Another processor may round two nearly equal similarities the other way.
    assert np.mean([known[prompt] == answer for prompt, answer in given]) > 0.97


@pytest.mark.slow
def test_a_slice_is_made_the_same_twice(tmp_path, monkeypatch):
    from sample import language_model

    # Read once, asked twice, for the first words of each answer.
    monkeypatch.setattr(language_model, "NEW_TOKENS", 4)
    monkeypatch.setattr(language_model, "SmolLM2", cache(language_model.SmolLM2))
    made = []
    for name in ("first", "second"):
        questions, bank = prompts.make_prompts(11, 1, 4)
        questions = questions[::5]
        answers = answer_all(questions, bank, 11)
        assert answers.keys() == readme.ANSWERERS.keys()
        assert all(answers[model] for model in LANGUAGE_MODELS)
        path = tmp_path / f"{name}.parquet"
        comparisons.write(comparisons.compare(questions, answers, 6, 11), path)
        made.append(path.read_bytes())
    assert made[0] == made[1]
