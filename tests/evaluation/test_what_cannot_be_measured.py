"""What an evaluation refuses, and what it says where there is nothing to measure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.errors import ConflictError, DataError, EnvironmentProblem, NotFoundError, UsageError
from runner.evaluation.evaluation_files import check_writable, write
from runner.evaluation.evaluation_tables import remarks
from tests.conftest import Desk
from tests.evaluation.task_documents import LIKELY, SAYS, Bench, evaluated, task, write_rows
from tests.talking_models import CHATS, GOES_ON, RANKS

LONG = {"word": "x" * 4000, "right": "y", "wrong": ["z"], "number": 1, "part": 0}


def judged(metric: str, model: str) -> dict[str, Any]:
    return SAYS | {"metrics": [{"metric": "exact_match"}, {"metric": metric, "model": model}]}


def test_a_model_is_named_once_by_whatever_name(bench: Bench):
    home, files = bench(task(LIKELY))
    with pytest.raises(UsageError, match=f"{CHATS}/v1 is named twice"):
        evaluated(home, files, [CHATS, f"{CHATS}/v1"])


@pytest.mark.parametrize(
    ("metric", "model", "error"),
    [
        ("reward", CHATS, ConflictError),
        ("reward", "reward/none", NotFoundError),
        ("preferred", "sft/none", NotFoundError),
        ("preferred", RANKS, ConflictError),
        ("preferred", "runner/tiny-bert", DataError),
        ("preferred", "nosuch/talker", NotFoundError),
    ],
)
def test_a_judge_is_told_by_its_field(bench: Bench, metric: str, model: str, error: type[Exception]):
    home, files = bench(task(judged(metric, model)))
    with pytest.raises(error) as refused:
        evaluated(home, files, [CHATS])
    assert (refused.value.where or "").startswith(f"{files[0]}: /answer/metrics/1/model")


def test_a_type_that_is_not_there_is_told_with_the_name_that_is(bench: Bench):
    home, files = bench(task(LIKELY))
    with pytest.raises(NotFoundError) as refused:
        evaluated(home, files, ["stf/talker"])
    assert refused.value.hint == f"did you mean {CHATS}?"


@pytest.mark.parametrize("answer", [LIKELY, SAYS], ids=lambda answer: answer["by"])
def test_rows_that_are_too_long_are_told_with_their_tokens(bench: Bench, answer: dict[str, Any]):
    home, files = bench(task(answer), lines=[LONG, LONG])
    with pytest.raises(DataError, match=r"of .*rows\.jsonl: longer than the model reads \(2: lines 1, 2\)") as refused:
        evaluated(home, files, [CHATS])
    assert "line 1 has 4," in (refused.value.hint or "") and "can be asked" in (refused.value.hint or "")


def test_a_part_that_no_row_is_of_is_told_beside_a_row_that_cannot_be_read(bench: Bench):
    part = task(LIKELY, data={"dataset": "rows.csv", "where": {"part": "none"}})
    home, files = bench(part)
    (home / "rows.csv").write_text("word,right,part\nhot,cold,a\nup,down\n")
    with pytest.raises(DataError, match="none has the values of `where`"):
        evaluated(home, files, [CHATS])
    (home / "rows.csv").write_text("word,right,part\n")
    with pytest.raises(DataError, match="there is no row in it"):
        evaluated(home, files, [CHATS])


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_asked(bench: Bench, tmp_path: Path):
    home, files = bench(task(LIKELY))
    (home / "out").write_text("a file")
    with pytest.raises(EnvironmentProblem, match="cannot write"):
        evaluated(home, files, [CHATS])
    assert not list((home / "cache").rglob("*.jsonl"))
    (home / "other" / "evaluation.md").mkdir(parents=True)
    with pytest.raises(EnvironmentProblem, match="cannot write"):
        check_writable(home / "other")


def test_samples_of_an_evaluation_before_go_and_other_files_stay(bench: Bench):
    home, files = bench(task(LIKELY), task(LIKELY, "likely"))
    write(evaluated(home, files, [CHATS]), home / "out")
    (foreign := home / "out" / "samples" / "own.jsonl").write_text("{}")
    before = json.loads((home / "out" / "evaluation.json").read_text())
    before["tasks"][0]["models"].append({"samples": "../rows.jsonl"})
    (home / "out" / "evaluation.json").write_text(json.dumps(before))
    write(evaluated(home, files[:1], [GOES_ON]), home / "out")
    left = {str(path.relative_to(home / "out" / "samples")) for path in (home / "out" / "samples").rglob("*.jsonl")}
    assert left == {"own.jsonl", f"opposites/{GOES_ON.replace('/', '--')}--v1.jsonl"}
    assert foreign.exists() and (home / "rows.jsonl").exists() and not (home / "out" / "samples" / "likely").exists()


def test_a_metric_without_a_figure_is_told_and_a_task_without_one_fails(bench: Bench):
    home, files = bench(task(SAYS | {"metrics": [{"metric": "preferred", "model": CHATS, "verdict": "words"}]}))
    desk = Desk(home, {"RUNNER_CACHE_DIR": str(home / "cache")})
    ran = desk("evaluate", "--models", CHATS, "--tasks", files[0], "--limit", 2, "--output-dir", "out")
    assert ran.code == 4, ran.err
    document = json.loads((home / "out" / "evaluation.json").read_text())
    assert document["tasks"][0]["results"][0]["n"] == 0
    # A terminal wraps the tables' words.
    assert " ".join((ran.out + ran.err).split()).count("has no figure: of 2 answers not one could be read") == 1
    assert "2/2 answers" in ran.err and "4/4 judgements" in ran.err
    assert "nothing was measured" in ran.err
    assert any(remark.startswith("warning: ") for remark in remarks(document["tasks"][0]))


def test_one_row_that_is_left_out_is_one_line(bench: Bench):
    home, files = bench(task(LIKELY), lines=[{"word": "hot", "right": "cold"}, {"word": "up", "right": None}])
    assert any("(line 2)" in remark for remark in remarks(evaluated(home, files, [CHATS])["tasks"][0]))


def test_a_long_text_leaks_no_words_of_a_library(bench: Bench):
    home, files = bench(task(LIKELY), lines=[LONG, {"word": "hot", "right": "cold"}])
    write_rows(home / "long.jsonl", [LONG])
    desk = Desk(home, {"RUNNER_CACHE_DIR": str(home / "cache")})
    assert "Token indices" not in desk("evaluate", "--models", GOES_ON, "--tasks", files[0]).ok().err
