"""Ctrl-C and a kill at every step: the answers so far are kept, and gone on with to the same end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.cli import conversing_sft
from runner.errors import IntegrityError, Interrupted, UsageError
from runner.wizard import sft_answers
from runner.wizard.draft import SavedDraft
from runner.wizard.sft_saved_answers import WalkAnswers
from runner.workspace import Workspace
from tests.wizard.answering import ENTER
from tests.wizard.answering import Scripted as Walker
from tests.wizard.scripted import Scripted, converse

ROWS = "review,label\n" + "".join(f"word {n} of it,{'ab'[n % 2]}\n" for n in range(20))
#: The first question of each step of a table's kind, in their order, and what is answered.
TABLE = {
    "family": "tabular", "kind": "tabular_classification", "/model/name": "rows", "/data/dataset": "rows.csv",
    "/data/target_columns": "label", "columns": False, "start": False,
}  # fmt: skip
STEPS = {
    "kind": "kind", "name": "/model/name", "data": "/data/dataset", "columns": "columns", "split": "split",
    "samples": "/data/max_samples", "more": "more", "file": "file", "review": "review", "start": "start",
}  # fmt: skip
#: The same of a fine-tuning by a script: its questions, and what is answered.
WALK = {
    "scenario": "file", "file": "chats.jsonl", "base_model": "runner/tiny-llama", "project": ENTER,
    "run_name": "adder-001", "values": "defaults", "spec": ENTER, "script": ENTER, "run": False,
}  # fmt: skip


class Killed(BaseException):
    """The process is gone: nobody catches this, and nothing is written any more."""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNNER_HOME", str(tmp_path))
    monkeypatch.setenv("RUNNER_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    monkeypatch.setenv("HF_TOKEN", "hf_of_a_test")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    (tmp_path / "rows.csv").write_text(ROWS)
    turns = [{"role": "user", "content": "2 and 3?"}, {"role": "assistant", "content": "5"}]
    (tmp_path / "chats.jsonl").write_text(2 * (json.dumps({"messages": turns}) + "\n"))
    return tmp_path


def begun() -> SavedDraft:
    return SavedDraft.begin(Workspace.current())


def newest() -> SavedDraft:
    return SavedDraft.newest(Workspace.current())


@pytest.mark.parametrize("end", [Interrupted(""), Killed()], ids=["interrupted", "killed"])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.slow
@pytest.mark.warm
def test_a_conversation_that_ended_at_a_step_goes_on_at_it(step, end):
    with pytest.raises(type(end)) as caught:
        converse(Scripted(TABLE | {STEPS[step]: end}), saved=begun())
    if isinstance(end, Interrupted):
        assert "runner new --resume" in str(caught.value.hint)
    kept = newest()
    asker = Scripted(TABLE)
    ended = converse(asker, kept.load(), kept)
    assert asker.keys[0] == STEPS[step]
    assert ended.document == {
        "model": {"name": "rows", "spec": {"model_type": "tabular_classification"}},
        "data": {"dataset": "rows.csv", "target_columns": "label"},
    }
    assert not kept.path.exists()


def walked(answers: list[Any], left: WalkAnswers | None = None, saved: SavedDraft | None = None) -> Walker:
    asker = Walker(answers)
    conversing_sft.walk(left.given if left else {}, asker, no_start=False, saved=saved, left=left)
    return asker


@pytest.mark.parametrize("end", [Interrupted("cancelled"), Killed()], ids=["interrupted", "killed"])
@pytest.mark.parametrize("key", [key for key in WALK if key not in ("scenario", "run")])
def test_a_fine_tuning_that_ended_at_a_question_goes_on_at_it(here, key, end):
    at = list(WALK).index(key)
    answers = list(WALK.values())
    with pytest.raises(type(end)) as caught:
        walked([*answers[:at], end], saved=begun())
    if isinstance(end, Interrupted):
        assert caught.value.message == "setup cancelled; nothing was started"
        assert "runner new --resume" in str(caught.value.hint)
    assert not (here / "adder-001.json").exists()
    kept = newest()
    asker = walked(answers[at:], kept.walk(), kept)
    assert asker.keys == list(WALK)[at:]
    assert json.loads((here / "adder-001.json").read_text())["model"]["name"] == "adder-001"
    assert not kept.path.exists()


def test_nothing_is_left_of_a_fine_tuning_whose_files_are_written(here):
    kept = begun()
    with pytest.raises(Interrupted) as caught:
        walked([*list(WALK.values())[:-1], Interrupted("cancelled")], saved=kept)
    assert caught.value.hint is None
    assert (here / "sft_train.py").exists() and not kept.path.exists()


def test_a_way_back_is_gone_again(here):
    # At the run's name it goes back to the project, and both are answered anew.
    before = ["file", "chats.jsonl", "runner/tiny-llama", "first", ":back", "second", "adder-002"]
    with pytest.raises(Interrupted):
        walked([*before, Interrupted("")], saved=begun())
    kept = newest()
    left = kept.walk()
    assert left is not None and ["run_name"] in left.answers
    asker = walked(["defaults", ENTER, ENTER, False], left, kept)
    assert asker.keys == ["values", "spec", "script", "run"]
    assert json.loads((here / "adder-002.json").read_text())["log"]["run_name"] == "second/adder-002"


def test_what_is_told_of_the_rows_is_told_once_where_it_goes_on(here):
    there_and_back = ["file", "chats.jsonl", ":back", "chats.jsonl", Interrupted("")]
    with pytest.raises(Interrupted):
        walked(there_and_back, saved=begun())
    kept = newest()
    asker = Walker([":back", "chats.jsonl", Interrupted("")])
    left = kept.walk()
    assert left is not None and left.answers.count(["file", "chats.jsonl"]) == 2
    with pytest.raises(Interrupted):
        conversing_sft.walk({}, asker, no_start=False, saved=kept, left=left)
    # Once for what was answered before, and again for what a person answers now.
    assert asker.said.count("valid: 2 rows") == 2


def test_a_fine_tuning_says_where_the_answer_in_brackets_comes_from(here):
    asker = Walker(["file", ":why", "chats.jsonl", "runner/tiny-llama", ":why", ":back", ":why", Interrupted("")])
    with pytest.raises(Interrupted):
        conversing_sft.walk({}, asker, no_start=False)
    told = [line.strip() for line in asker.said if not line.startswith("valid")]
    assert told == [
        "there is no answer in brackets here",
        "the name of those who type none of their own",
        "it is what you answered before",
    ]


def test_answers_that_are_none_any_more_are_asked_again(here):
    with pytest.raises(Interrupted):
        walked(["file", "chats.jsonl", "runner/tiny-llama", ENTER, "adder-001", "defaults", "adder-001.json",
                Interrupted("")], saved=begun())  # fmt: skip
    (here / "adder-001.json").write_text("{}")
    kept = newest()
    asker = walked(["adder-003.json", ENTER, False], kept.walk(), kept)
    assert asker.keys == ["spec", "script", "run"]


def test_what_was_given_is_given_again():
    asker = Walker(["runner/tiny-llama", Interrupted("")])
    given = {"scenario": "file", "file": "chats.jsonl", "epochs": "3"}
    with pytest.raises(Interrupted):
        conversing_sft.walk(given, asker, no_start=True, saved=begun())
    left = newest().walk()
    assert left is not None
    assert left.given == {"run": False, **given}
    assert left.answers == [["base_model", "runner/tiny-llama"]]


@pytest.mark.parametrize(
    "text", ['{"walk": "sft"}', '{"walk": "other", "version": 1, "given": {}, "answers": []}',
             '{"walk": "sft", "version": 1, "given": {}, "answers": [3]}'],
)  # fmt: skip
def test_kept_answers_that_are_broken_are_refused(here, text):
    (here / "drafts").mkdir()
    path = Path("drafts", "x.json")
    path.write_text(text)
    with pytest.raises(IntegrityError, match="these are no saved answers"):
        SavedDraft(path).walk()


def test_nobody_goes_on_with_a_fine_tuning():
    with pytest.raises(UsageError, match="nobody can be asked here"):
        conversing_sft.go_on(begun(), WalkAnswers(), yes=False, no_start=False, plain=False)
    assert set(WALK) <= sft_answers.KEYS
