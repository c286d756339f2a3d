"""Questions of files in every way in which they are written, and answers that are not where the file says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from runner.contract import DataReport, LoadContext, LoadedData, ModelSpec
from runner.data.context_questions.question_row import GoldAnswer, QuestionRow
from runner.data.context_questions.section import ContextQuestionsData
from runner.errors import DataError

MARKET = "The market opens at seven and closes at noon."
NOON = {"text": ["noon"], "answer_start": [40]}


def load(path: Path | str, report: DataReport | None = None, **fields: Any) -> LoadedData:
    section = ContextQuestionsData.model_validate({"dataset": str(path), "validation_split": 0, **fields})
    section.check(Path.cwd())
    report = report or DataReport("")
    return section.load(LoadContext(ModelSpec(model_type="x"), Path("cache"), lambda *_, **__: None, report))


def written(tmp_path: Path, *rows: Any, name: str = "train.jsonl") -> Path:
    path = tmp_path / name
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def asked(context: str, text: str, start: int | None) -> dict[str, Any]:
    return {"context": context, "question": "Well?", "answers": {"text": [text], "answer_start": [start]}}


@pytest.mark.parametrize(
    "answers",
    [
        NOON,
        json.dumps(NOON),
        str(NOON),
        "{'text': array(['noon'], dtype=object), 'answer_start': array([40], dtype=int32)}",
        {"text": "noon", "answer_start": 40},
        [{"text": "noon", "answer_start": 40}],
        {"text": ["noon"], "answer_start": ["40"]},
        {"text": ["noon", "noon"], "answer_start": [40, 40.0]},
    ],
)
def test_answers_are_read_however_they_are_written(tmp_path, answers):
    (row,) = load(written(tmp_path, {"context": MARKET, "question": "When?", "answers": answers})).train
    assert row.answers == (GoldAnswer("noon", 40),)


def test_a_csv_has_its_answers_as_text_and_start(tmp_path):
    pd.DataFrame(
        {"passage": [MARKET], "query": ["When?"], "answer": ["noon"], "answer_start": [40], "qid": ["q1"]}
    ).to_csv(tmp_path / "train.csv", index=False)
    (row,) = load(tmp_path / "train.csv").train
    assert row == QuestionRow(2, MARKET, "When?", (GoldAnswer("noon", 40),), "q1")


def test_nested_objects_are_read_as_flat_rows_are(tmp_path):
    qas = [
        {"id": "a", "question": " When? ", "answers": [{"text": "noon", "answer_start": 40}]},
        {"id": "b", "question": "Who?", "answers": [], "is_impossible": True,
         "plausible_answers": [{"text": "seven", "answer_start": 20}]},
    ]  # fmt: skip
    paragraph = {"context": MARKET, "qas": qas}
    article = {"title": "Market", "paragraphs": [paragraph, {"context": "Nothing is asked.", "qas": []}]}
    whole = tmp_path / "whole.json"
    whole.write_text(json.dumps({"version": "v2.0", "data": [article]}, indent=1))
    found = load(whole)
    assert [(row.id, row.title, row.question, row.texts) for row in found.train] == [
        ("a", "Market", "When?", ("noon",)),
        ("b", "Market", "Who?", ()),
    ]
    assert (found.report.rows_read, found.report.rows_kept, found.report.facts["unanswerable"]) == (2, 2, 1)
    for document in ({"data": [article]}, article, paragraph):
        rows = load(written(tmp_path, document)).train
        assert [row.texts for row in rows] == [("noon",), ()]


@pytest.mark.parametrize(
    ("context", "text", "start", "at", "reason"),
    [
        ("\U0001f9fa Picnic with Runa.", "Runa", 15, 14, "answer_start_in_utf16_units"),
        ("Im Café und im Café sitzt Ole.", "Ole", 28, 26, "answer_start_in_bytes"),
        ("One.\r\nTwo.\r\nOne.", "One", 10, 12, "answer_start_of_other_line_ends"),
        ("One.\nTwo.\nOne.", "One", 12, 10, "answer_start_of_other_line_ends"),
        ("One, two, one.", " two ", 4, 5, "answer_blanks_cut"),
        ("The old pier burned in 1971.", "1971", 0, 23, "answer_moved"),
        ("He was 7 when he saw the 1971 film.", "7", 0, 7, "answer_moved"),
        ("He was 7 when he saw the 1971 film.", "7", None, 7, "answer_start_found"),
        ("He said \u201cno\u201d  twice.", '"no" twice', 8, 8, "answer_as_context_spells_it"),
        ("In the Cafe\u0301 sits Ole.", "Caf\u00e9", 7, 7, "answer_as_context_spells_it"),
    ],
)
def test_an_answer_is_found_where_another_count_has_it(tmp_path, context, text, start, at, reason):
    found = load(written(tmp_path, asked(context, text, start)))
    (answer,) = found.train[0].answers
    assert (answer.start, context[answer.start : answer.end]) == (at, answer.text)
    assert found.report.rows_changed == {reason: 1}
    assert found.report.named[reason] == [1]


def test_line_ends_within_a_quoted_cell_stay_what_they_are(tmp_path):
    path = tmp_path / "train.csv"
    path.write_bytes(b'context,question,answer,answer_start\r\n"One.\r\nTwo.\r\nTwo.",Which?,Two,12\r\n')
    (row,) = load(path).train
    assert row.answers == (GoldAnswer("Two", 12),)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (asked("Bees like clover. Bees like lime.", "like", 0), "answer_ambiguous"),
        (asked(MARKET, "ten", 5), "answer_not_in_context"),
        (asked(" ", "ten", 5), "empty_context"),
        ({"context": MARKET, "question": "", "answers": NOON}, "empty_question"),
        ({"context": MARKET, "question": "When?", "answers": None}, "missing_answer"),
        ({"context": MARKET, "question": "When?", "answers": NOON, "is_impossible": True}, "answer_of_impossible"),
        ({"context": MARKET, "question": "When?", "answers": {"text": []}, "is_impossible": False}, "missing_answer"),
        ({"context": MARKET, "question": "When?", "answers": NOON, "is_impossible": "maybe"}, "bad_is_impossible"),
        ({"context": MARKET, "question": "?", "answers": {"text": ["a"], "answer_start": [1, 2]}}, "answers_uneven"),
        ({"context": MARKET, "question": "?", "answers": {"words": ["a"]}}, "answers_unreadable"),
        (
            {"context": MARKET, "question": "?", "answers": {"text": ["noon"], "answer_start": [4.5]}},
            "bad_answer_start",
        ),
        ({"context": ["a", "b"], "question": "?", "answers": NOON}, "context_not_text"),
    ],
)
def test_what_cannot_be_used_is_counted_and_named(tmp_path, row, reason):
    good = {"context": MARKET, "question": "When?", "answers": NOON}
    found = load(written(tmp_path, good, row))
    assert found.report.rows_dropped == {reason: 1}
    assert found.report.named[reason] == [2]
    assert len(found.train) == 1


def test_one_wrong_answer_of_several_is_left_out(tmp_path):
    answers = {"text": ["noon", "ten"], "answer_start": [40, 3]}
    found = load(written(tmp_path, {"context": MARKET, "question": "When?", "answers": answers}))
    assert found.train[0].texts == ("noon",)
    assert found.report.rows_changed == {"answer_left_out": 1}


@pytest.mark.parametrize("answers", [{"text": [], "answer_start": []}, [], {"text": [], "answer_start": [-1]}])
def test_no_answer_is_a_question_without_one(tmp_path, answers):
    found = load(written(tmp_path, {"context": MARKET, "question": "Who?", "answers": answers}))
    assert not found.train[0].answerable
    assert not found.report.rows_changed
    blank = {"text": [""], "answer_start": [-1]}
    found = load(written(tmp_path, {"context": MARKET, "question": "Who?", "answers": blank}))
    assert not found.train[0].answerable
    assert found.report.rows_changed == {"blank_answer_is_none": 1}


def test_questions_on_one_context_stay_on_one_side(tmp_path):
    rows = [asked(f"In the year {at // 4} it was {at % 4}.", str(at % 4), None) for at in range(80)]
    for at, row in enumerate(rows):
        row["question"] = f"Question {at}?"
        row["context"] = f"Chapter {at // 4}. Seen were apples."
        row["answers"] = {"text": ["apples"], "answer_start": [row["context"].index("apples")]}
    found = load(written(tmp_path, *rows), validation_split=0.25)
    train, held = ({row.context for row in side} for side in (found.train, found.validation))
    assert not train & held
    assert len(found.validation) == 20


def test_questions_on_a_single_context_are_divided_and_it_is_told(tmp_path):
    rows = [{"context": MARKET, "question": f"When, {at}?", "answers": NOON} for at in range(10)]
    found = load(written(tmp_path, *rows), validation_split=0.2)
    assert len(found.validation) == 2
    assert any("both sides" in warning for warning in found.report.warnings)


def test_columns_of_other_names_are_mapped_and_missing_ones_proposed(tmp_path):
    path = written(tmp_path, {"body": MARKET, "frage": "Wann?", "antwort": NOON})
    with pytest.raises(DataError, match="columns"):
        load(path)
    named = {"context": "body", "question": "frage", "answers": "antwort"}
    assert load(path, columns=named).train[0].texts == ("noon",)
    with pytest.raises(DataError) as caught:
        load(path, columns=named | {"answers": "antwrot"})
    assert "did you mean 'antwort'" in str(caught.value.hint)


def test_too_many_lost_rows_are_refused_with_both_strings(tmp_path):
    with pytest.raises(DataError) as caught:
        load(written(tmp_path, asked(MARKET, "evening", 11)))
    assert "'evening'" in str(caught.value.hint)
    assert "'opens at" in str(caught.value.hint)


def test_the_same_questions_are_read_from_parquet(tmp_path):
    table = pd.DataFrame(
        {"context": [MARKET] * 2, "question": ["When?", "Who?"],
         "answers": [{"text": np.array(["noon"]), "answer_start": np.array([40])}, {"text": [], "answer_start": []}]}
    )  # fmt: skip
    table.to_parquet(tmp_path / "train.parquet")
    assert [row.texts for row in load(tmp_path / "train.parquet").train] == [("noon",), ()]


def test_the_packaged_questions_are_whole():
    report = DataReport("")
    found = load("sample", report, validation_split=0.2)
    assert not report.rows_dropped
    assert not report.rows_changed
    assert {row.answerable for row in found.validation} == {True, False}


def test_questions_without_any_answer_are_nothing_to_learn(tmp_path: Path) -> None:
    bare = {"context": MARKET, "question": "Why?", "answers": {"text": [], "answer_start": []}}
    path = written(tmp_path, bare)
    section = ContextQuestionsData(dataset=str(path))
    with pytest.raises(DataError, match="no question of training has an answer"):
        section.need_learnable(load(path))
    section.need_learnable(load(written(tmp_path, bare, {**bare, "question": "When?", "answers": NOON})))


def test_an_id_of_two_questions_is_told(tmp_path):
    one, other = asked(MARKET, "noon", 40), asked(MARKET, "seven", 20)
    told = load(written(tmp_path, one | {"id": "q"}, other | {"id": "q"})).report.warnings
    assert any("the id of 1 question is that of another" in each for each in told)
    apart = load(written(tmp_path, one | {"id": "q"}, other | {"id": "r"})).report.warnings
    assert not any("the id of" in each for each in apart)
