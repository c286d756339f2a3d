"""From a task's rows to questions: what is read of every container, what cannot be asked, what is drawn and shown."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runner.errors import DataError, NotFoundError
from runner.spec.evaluation_checking import load_task
from runner.tasks.generation.questions.question_rows import AskedTask, read_task
from tests.evaluation import task_documents as made
from tests.evaluation.task_documents import CHOICES, LIKELY, NUMBERED, SAYS, task, write_rows


def read(document: dict[str, Any], limit: int | None = None, seed: int = 0) -> AskedTask:
    return read_task(load_task(json.dumps(document), "task.json"), limit, seed)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "rows.jsonl", made.rows())
    return tmp_path


def asked(found: AskedTask) -> list[tuple[Any, ...]]:
    return [(each.line, each.prompt, each.answers, each.correct) for each in found.questions]


def test_every_container_gives_the_same_questions(here):
    rows = made.rows()
    pq.write_table(pa.Table.from_pylist(rows), here / "rows.parquet")
    with (here / "rows.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(row | {"wrong": json.dumps(row["wrong"])} for row in rows)
    (here / "rows.json").write_text(json.dumps(rows))
    wanted = [each[1:] for each in asked(read(task(CHOICES)))]
    assert len(wanted) == len(rows)
    assert wanted[0][0] == "The opposite of hot?" and wanted[0][1][wanted[0][2]] == "cold"
    for name in ("rows.parquet", "rows.csv", "rows.json"):
        assert [each[1:] for each in asked(read(task(CHOICES, data={"dataset": name})))] == wanted
    odd = {"dataset": "rows.csv", "where": {"part": 1}}
    assert len(read(task(CHOICES, data=odd)).questions) == 4
    assert read(task(CHOICES, data=odd)).rows.others == 4


def test_rows_that_cannot_be_asked_are_counted_by_reason_with_their_lines(here):
    good = made.rows()[0]
    rows = [
        good,
        '{"word": "hot", "word": "cold"}',
        good | {"word": None},
        good | {"word": ["a", "list"]},
        good | {"wrong": []},
        good | {"wrong": ["cold", "x"]},
        {name: value for name, value in good.items() if name != "right"},
        good,
    ]
    write_rows(here / "rows.jsonl", rows)
    found = read(task(CHOICES))
    assert found.rows.dropped == {
        "unreadable": [2], "missing_cell": [3, 7], "cell_without_text": [4], "fewer_than_two_choices": [5],
        "choice_twice": [6],
    }  # fmt: skip
    assert [(each.line, each.repeats) for each in found.questions] == [(1, 0), (8, 1)]
    assert len({each.id for each in found.questions}) == 2
    facts = found.facts()
    assert (facts["rows_read"], facts["usable"], facts["repeats"]) == (8, 2, 1)


@pytest.mark.parametrize(
    ("correct_is", "value", "wanted"),
    [("index", 1, 1), ("index", "2", 2), ("letter", "b", 1), ("letter", " C ", 2), ("text", "green", 1)],
)
def test_the_right_choice_is_told_in_three_ways(here, correct_is, value, wanted):
    write_rows(here / "rows.jsonl", [row | {"key": value} for row in made.rows()[:1]])
    (question,) = read(task(CHOICES | {"correct": "key", "correct_is": correct_is})).questions
    assert question.correct == wanted


@pytest.mark.parametrize(("correct_is", "value"), [("index", 3), ("index", -1), ("letter", "D"), ("letter", "1")])
def test_a_right_choice_that_is_none_is_told(here, correct_is, value):
    write_rows(here / "rows.jsonl", [row | {"key": value} for row in made.rows()[:1]])
    with pytest.raises(DataError, match="correct is no choice") as refused:
        read(task(CHOICES | {"correct": "key", "correct_is": correct_is}))
    assert "correct_is says what the column holds" in (refused.value.hint or "")


def test_a_list_of_references_is_several_right_answers(here):
    write_rows(here / "rows.jsonl", [row | {"all": [row["right"], "other"]} for row in made.rows()])
    assert read(task(SAYS | {"reference": "{all}"})).questions[0].answers == ("cold", "other")
    assert read(task(SAYS | {"reference": "{right}!"})).questions[0].answers == ("cold!",)
    assert read(task(NUMBERED)).questions[3].answers == ("3",)
    with pytest.raises(DataError, match="reference without number"):
        read(task(NUMBERED | {"reference": "{right}"}))


def test_a_limit_draws_by_content_whatever_the_order_of_the_file(here):
    document = task(CHOICES)
    drawn = {each.prompt for each in read(document, 3).questions}
    shuffled = made.rows()
    random.Random(1).shuffle(shuffled)
    write_rows(here / "rows.jsonl", shuffled)
    again = read(document, 3)
    assert {each.prompt for each in again.questions} == drawn
    assert [each.line for each in again.questions] == sorted(each.line for each in again.questions)
    assert any({each.prompt for each in read(document, 3, seed).questions} != drawn for seed in (1, 2, 3))
    assert {each.prompt for each in read(document, 5).questions} > drawn


def test_a_row_is_never_shown_to_itself_and_shots_do_not_hang_on_the_others(here):
    # The same row twice: the second is no other row.
    write_rows(here / "rows.jsonl", [*made.rows(), made.rows()[0]])
    document = task(LIKELY, few_shot={"k": 3, "seed": 5})
    whole = {each.id: each for each in read(document).questions}
    for question in whole.values():
        prompts = [shot.prompt for shot in question.shots]
        assert len(set(prompts)) == 3 and question.prompt not in prompts
    assert len({tuple(shot.prompt for shot in each.shots) for each in whole.values()}) > 1
    for question in read(document, 4).questions:
        assert question.shots == whole[question.id].shots
    other = read(task(LIKELY, few_shot={"k": 3, "seed": 6})).questions
    assert any(each.shots != whole[each.id].shots for each in other)


def test_shots_come_from_the_part_or_the_file_that_is_named(here):
    document = task(CHOICES, data={"dataset": "rows.jsonl", "where": {"part": 1}})
    shown = read(document | {"few_shot": {"k": 2, "where": {"part": 0}}})
    assert all(shot.line % 2 == 1 for question in shown.questions for shot in question.shots)
    assert shown.facts()["few_shot"]["rows_of_other_parts"] == 4
    write_rows(here / "more.jsonl", [{"word": "left", "right": "right", "wrong": ["up"]}])
    shown = read(document | {"few_shot": {"k": 1, "dataset": "more.jsonl"}})
    assert {shot.answer for question in shown.questions for shot in question.shots} == {"right"}
    with pytest.raises(NotFoundError) as refused:
        read(document | {"few_shot": {"k": 1, "dataset": "mor.jsonl"}})
    assert "/few_shot/dataset" in (refused.value.where or "")


@pytest.mark.parametrize(
    ("change", "where", "hint"),
    [
        ({"prompt": "{wrod}"}, "task.json: /prompt", "did you mean 'word'?"),
        (
            {"answer": CHOICES | {"choices": ["wrong", "rigth"]}},
            "task.json: /answer/choices/1",
            "did you mean 'right'?",
        ),
        ({"answer": CHOICES | {"correct": "nothing"}}, "task.json: /answer/correct", "there are: "),
        ({"data": {"dataset": "rows.jsonl", "where": {"split": "test"}}}, "task.json: /data/where", "there are: "),
    ],
)
def test_a_column_that_no_row_has_is_told_where_it_is_named(here, change, where, hint):
    with pytest.raises(DataError) as refused:
        read(task(CHOICES) | change)
    assert refused.value.where == where
    assert hint in (refused.value.hint or "")
