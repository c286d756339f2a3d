"""The wizard for supervised fine-tuning, from its first question to a spec, a script, and a run that is watched."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runner.errors import DataError, Interrupted, UsageError
from runner.spec.checking import load_file
from runner.wizard import sft_answers, sft_scenarios
from runner.wizard.sft_material import OWN_PATH
from runner.wizard.sft_scenarios import SftResult
from runner.wizard.watched_script import WatchedScript
from runner.workspace import Workspace
from tests.wizard.answering import ENTER, Scripted

TINY = "runner/tiny-llama"
#: Answers that lead from the material to its files, with every default.
ON = [TINY, ENTER, "adder-001", "defaults", ENTER, ENTER]


def row(number: int, **more: Any) -> dict[str, Any]:
    turns = [{"role": "user", "content": f"{number} and 1?"}, {"role": "assistant", "content": f"{number + 1}"}]
    return {"messages": turns} | more


def data(path: Path, rows: int = 12) -> Path:
    path.write_text("".join(json.dumps(row(number)) + "\n" for number in range(rows)))
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("WANDB_API_KEY", "RUNNER_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    monkeypatch.setenv("RUNNER_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path


def walk(answers: list[Any], **given: Any) -> tuple[SftResult, Scripted]:
    asker = Scripted(answers)
    result = sft_scenarios.walk(asker, Workspace.current(), given)
    assert not asker.answers, f"left over: {asker.answers}"
    return result, asker


def test_a_file_becomes_a_spec_that_validates_and_a_script_of_the_same(folder: Path):
    file = data(folder / "chats.jsonl")
    result, asker = walk(["file", str(file), *ON, False])
    assert asker.keys == ["scenario", "file", "base_model", "project", "run_name", "values", "spec", "script", "run"]
    loaded = load_file(folder / "adder-001.json")
    assert (loaded.kind, loaded.spec.epochs, loaded.spec.batch_size) == ("sft", 10, 2)
    assert loaded.spec.log.run_name == "sft-project/adder-001"
    assert "valid: 12 rows" in asker.said
    assert "60 steps of 2 examples" in asker.said
    text = (folder / "sft_train.py").read_text()
    spec = next(node for node in ast.parse(text).body if isinstance(node, ast.Assign))
    assert ast.literal_eval(spec.value) == json.loads((folder / "adder-001.json").read_text()) == result.document
    assert ast.get_docstring(ast.parse(text)) is not None
    assert 'if __name__ == "__main__":' in text
    assert (result.rows, result.code, result.process) == (12, None, None)


def test_the_newest_files_are_offered_by_full_paths_and_another_path_last(folder: Path):
    below = folder / "deep"
    below.mkdir()
    for age in range(7):
        file = data(below / f"f{age}.jsonl")
        os.utime(file, (1_000_000 - age, 1_000_000 - age))
    elsewhere = data(folder / "mine.txt")
    elsewhere.rename(folder / "mine.json")
    _, asker = walk(["file", OWN_PATH, str(folder / "mine.json"), *ON, False])
    offered = [choice.value for choice in asker.questions[1].choices]
    assert offered == [*(str(below / f"f{age}.jsonl") for age in range(5)), OWN_PATH]
    assert asker.questions[1].default is None, "no data is assumed"


def test_where_there_is_no_file_one_is_asked_for_until_it_is_right(folder: Path):
    (folder / "empty.json").write_text("")
    (folder / "good.json").write_text(json.dumps([row(1), row(2)]))
    answers = ["file", "no.jsonl", "empty.json", ".", "good.json", *ON, False]
    _, asker = walk(answers)
    assert "No .jsonl file is here" in asker.questions[1].text
    assert "there is no such file" in asker.text
    assert "the file is empty" in asker.text
    assert "valid: 2 rows, read as messages" in asker.said


def test_bad_lines_are_all_told_and_can_be_left_out_of_a_file_of_its_own(folder: Path):
    file = data(folder / "chats.jsonl", 3)
    file.write_text(file.read_text() + "{\n" + json.dumps({"messages": []}) + "\n")
    result, asker = walk(["file", str(file), "leave_out", *ON, False])
    assert "line 4: it is no JSON" in asker.text
    assert "line 5: there are no messages" in asker.text
    assert result.data_path == folder / "adder-001.jsonl"
    assert len(result.data_path.read_text().splitlines()) == 3 == result.rows


def test_a_file_with_bad_lines_can_be_mended_and_named_again(folder: Path):
    file = data(folder / "chats.jsonl", 3)
    bad = data(folder / "bad.jsonl", 1)
    bad.write_text("{\n")
    result, asker = walk(["file", str(bad), "other", str(file), *ON, False])
    assert result.data_path == file
    assert [choice.value for choice in asker.questions[2].choices] == ["other"], "no row of it could go on"


def test_rows_in_an_input_wrapper_are_put_where_training_reads_them(folder: Path):
    (folder / "logged.jsonl").write_text(json.dumps({"input": row(1)}) + "\n" + json.dumps({"input": row(2)}) + "\n")
    result, asker = walk(["file", str(folder / "logged.jsonl"), *ON, False])
    assert "valid: 2 rows, 2 rows with their messages in `input`" in asker.said
    assert [json.loads(line) for line in result.data_path.read_text().splitlines()] == [row(1), row(2)]
    assert "2 rows are trained on, and none is held out" in asker.said


def test_rows_that_are_written_otherwise_are_read_as_training_reads_them(folder: Path):
    rows = [{"instruction": f"Add 1 to {number}", "output": str(number + 1)} for number in range(4)]
    (folder / "alpaca.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    result, asker = walk(["file", str(folder / "alpaca.jsonl"), *ON, False])
    assert result.rows == 4
    assert "valid: 4 rows, read as alpaca" in asker.said


def test_rows_of_several_forms_are_read_as_training_reads_them(folder: Path):
    """As ``runner data process`` writes a file of questions and of dialogues: none of them is a bad line."""
    questions = [{"system": "", "user": f"{n} and 1?", "assistant": str(n + 1)} for n in range(4)]
    lines = [json.dumps(each) for each in (*questions, row(11), row(12))]
    (folder / "mixed.jsonl").write_text("\n".join(lines))
    result, asker = walk(["file", str(folder / "mixed.jsonl"), *ON, False])
    assert result.rows == 6
    assert "valid: 6 rows, read as prompt_completion, messages" in asker.said


def test_bad_lines_beside_rows_of_another_form_are_told_with_what_takes_those(folder: Path):
    lines = [json.dumps(row(1)), '{"question": "1 and 1?", "answer": "2"}', '{"question": ']
    bad, good = folder / "mixed.jsonl", data(folder / "chats.jsonl")
    bad.write_text("\n".join(lines))
    _, asker = walk(["file", str(bad), "other", str(good), *ON, False])
    assert "line 3: it is no JSON" in asker.text
    assert f"`runner data process {bad} FOLDER`" in asker.text
    with pytest.raises(DataError) as raised:
        walk([], scenario="file", file=str(bad))
    assert f"`runner data process {bad} FOLDER`" in str(raised.value.hint)


def test_a_tenth_is_held_out_where_there_are_rows_enough(folder: Path):
    result, asker = walk(["file", str(data(folder / "chats.jsonl", 60)), *ON, False])
    assert result.document["data"]["validation_split"] == 0.1
    assert "54 rows are trained on and 6 are held out" in asker.said


def test_conversations_are_typed_in_turn_by_turn(folder: Path):
    typed = ["Be brief.", "Hi", "Hello.", "turn", "Bye", "Goodbye.", "conversation", None, "1 and 1?", "2", "done"]
    result, _ = walk(["inline", *typed, *ON, False])
    rows = [json.loads(line)["messages"] for line in result.data_path.read_text().splitlines()]
    assert [[turn["role"] for turn in turns] for turns in rows] == [
        ["system", "user", "assistant", "user", "assistant"],
        ["user", "assistant"],
    ]
    assert result.document["batch_size"] == 1
    assert result.document["model"]["spec"]["optimizer"]["learning_rate"] == 1e-5
    assert "CONVERSATIONS = " in result.script_path.read_text()


def test_a_teacher_is_named_with_its_key_s_variable_and_never_with_the_key(folder: Path):
    asked = ["big/teacher", "https://api.example.com/v1", "sk-1234-5678", "TEACHER_KEY", "typed", "Why?", "How?", None]
    result, asker = walk(["distillation", *asked, *ON, False])
    assert asker.refused == ["is no variable's name; the key itself is never asked for"]
    assert "TEACHER_KEY is not set here: export it before the script is run" in asker.said
    text = result.script_path.read_text()
    assert "key_env='TEACHER_KEY'" in text
    assert "sk-1234" not in text + result.spec_path.read_text()
    assert (result.rows, result.data_path.exists()) == (2, False)
    assert 'PROMPTS = ["Why?", "How?"]' in text


def test_a_teacher_s_prompts_come_from_a_file_too(folder: Path):
    (folder / "prompts.txt").write_text("One?\n\nTwo?\nOne?\n")
    asked = ["big/teacher", "http://127.0.0.1:9/v1", None, "file", "none.txt", "prompts.txt"]
    result, asker = walk(["distillation", *asked, *ON, False])
    assert "there is no such file" in asker.text
    assert result.rows == 2


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("api.example.com", "begins with https:// or http://"),
        ("http://api.example.com/v1", "a key is sent to https alone, or to this machine"),
        ("https://me:secret@example.com/v1", "holds no name, password or query"),
    ],
)
def test_an_address_that_a_key_is_not_sent_to_is_refused(folder: Path, address: str, fault: str):
    asked = ["big/teacher", address, "https://api.example.com/v1", "KEY", "typed", "Why?", None]
    _, asker = walk(["distillation", *asked, *ON, False])
    assert asker.refused == [fault]


def test_values_can_be_customised_and_the_warm_up_goes_with_them(folder: Path):
    file = data(folder / "chats.jsonl", 100)
    values = [
        "customise",
        ["epochs", "learning_rate", "schedule", "max_length"],
        0,
        "many",
        "2",
        5.0,
        "1e-3",
        "cosine",
        128,
    ]
    result, asker = walk(["file", str(file), TINY, ENTER, "adder-001", *values, ENTER, ENTER, False])
    spec = result.document["model"]["spec"]
    assert (result.document["epochs"], spec["optimizer"]["learning_rate"], spec["max_length"]) == (2, 0.001, 128)
    assert spec["schedule"] == {"schedule_type": "cosine", "warmup_ratio": 0.1}
    assert asker.refused == [
        "epochs is a whole number, at least 1",
        "is no number",
        "the learning rate is above 0 and below 1",
    ]


def test_a_warm_up_of_all_steps_is_one_that_a_spec_takes(folder: Path):
    result, _ = walk(["file", str(data(folder / "chats.jsonl", 1)), *ON, False])
    assert result.document["model"]["spec"]["schedule"]["warmup_ratio"] == 0.9999
    load_file(result.spec_path)


@pytest.mark.parametrize(
    ("name", "fault"),
    [("a/b", "path separator"), ("  ", "begins or ends with a space"), ("run", "says nothing"), ("-x", "begins with")],
)
def test_a_name_that_is_none_is_refused_at_its_prompt(folder: Path, name: str, fault: str):
    file = data(folder / "chats.jsonl")
    _, asker = walk(["file", str(file), TINY, "bad:project", ENTER, name, "adder-001", "defaults", ENTER, ENTER, False])
    assert asker.refused[0] == "is 1 to 128 characters, none of / \\ # ? % :"
    assert fault in asker.refused[1]
    question = next(question for question in asker.questions if question.key == "run_name")
    assert question.default is None, "no name is made up"


def test_a_base_model_is_recommended_or_named_and_checked(folder: Path):
    file = data(folder / "chats.jsonl")
    answers = ["file", str(file), "nothing like a model", "./no-folder", "Qwen/Qwen3-4B"]
    result, asker = walk([*answers, ENTER, "adder-001", "defaults", ENTER, ENTER, False])
    assert result.document["model"]["spec"]["base_model_name"] == "Qwen/Qwen3-4B"
    assert len(asker.refused) == 2
    offered = {choice.value for choice in asker.questions[2].choices}
    assert {"OpenPipe/Qwen3-14B-Instruct", "meta-llama/Llama-3.1-8B-Instruct"} <= offered


def test_no_file_is_written_over(folder: Path):
    file = data(folder / "chats.jsonl")
    (folder / "sft_train.py").write_text("mine")
    (folder / "adder-001.json").write_text("mine")
    answers = ["file", str(file), *ON[:4], "adder-001.json", ENTER, "sft_train.py", "notes.txt", ENTER, False]
    result, asker = walk(answers)
    assert (result.spec_path.name, result.script_path.name) == ("adder-001_2.json", "sft_train_2.py")
    assert (folder / "sft_train.py").read_text() == (folder / "adder-001.json").read_text() == "mine"
    assert asker.refused == ["is there already: name another", "is there already: name another", "ends in .py"]


def test_back_changes_an_answer_that_was_given(folder: Path):
    first, second = data(folder / "a.jsonl", 4), data(folder / "b.jsonl", 8)
    answers = [
        "file", str(first), TINY, ":back", ":back", "file", str(second), TINY, ENTER, "adder-001", ":back", "other",
        "namer-001", "defaults", ENTER, ":show", ENTER, ENTER, False,
    ]  # fmt: skip
    result, asker = walk(answers)
    assert result.rows == 8
    assert result.document["log"]["run_name"] == "other/namer-001"
    assert "run_name: namer-001" in asker.said


@pytest.mark.parametrize("leave", [Interrupted("stopped"), ":quit", ":exit"])
@pytest.mark.parametrize("after", range(8))
def test_it_can_be_left_at_every_prompt_and_nothing_is_started(folder: Path, leave: Any, after: int):
    file = data(folder / "chats.jsonl")
    answers = ["file", str(file), *ON][:after]
    with pytest.raises(Interrupted):
        walk([*answers, leave])
    assert not (folder / "sft_train.py").exists()


def test_answers_that_are_given_are_not_asked(folder: Path):
    file = data(folder / "chats.jsonl")
    given = {"scenario": "file", "file": str(file), "base_model": TINY, "project": "sums", "run_name": "adder-002"}
    result, asker = walk(
        [], **given, epochs=3, batch_size=4, spec="s.json", script="s.py", run=False
    )  # fmt: skip
    assert asker.keys == []
    assert (result.document["epochs"], result.document["batch_size"]) == (3, 4)
    conversations = [row(1)["messages"]]
    given = {"scenario": "inline", "conversations": conversations, "base_model": TINY, "project": "sums"}
    result, _ = walk([], **given, run_name="adder-003", values="defaults", spec="t.json", script="t.py", run=False)
    assert result.rows == 1


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"scenario": "jsonl"}, UsageError, "'jsonl' is none of file, inline, distillation"),
        ({"scenario": "file", "file": "no.jsonl"}, Exception, "there is no such file"),
        ({"scenario": "file", "file": "bad.jsonl"}, DataError, "line 1: there are no messages"),
        ({"scenario": "file", "file": "chats.jsonl", "base_model": "no model"}, UsageError, "is no Hub name"),
        ({"scenario": "file", "file": "chats.jsonl", "base_model": TINY, "project": "a/b"}, UsageError, "1 to 128"),
        ({"scenario": "inline", "conversations": []}, UsageError, "no conversation"),
        (
            {"scenario": "inline", "conversations": [[{"role": "user", "content": "Hi"}]]},
            UsageError,
            "no answer to learn",
        ),
        ({"scenario": "distillation", "teacher": "x", "base_url": "x"}, UsageError, "begins with https"),
        ({"temperature": 1}, UsageError, "no answer called temperature"),
    ],
)
def test_a_given_answer_that_is_none_is_an_error_of_its_own(folder: Path, given: Any, error: type, said: str):
    data(folder / "chats.jsonl")
    (folder / "bad.jsonl").write_text(json.dumps({"messages": []}) + "\n" + json.dumps(row(1)) + "\n")
    with pytest.raises(error, match=said):
        walk([], **given)


def test_answers_are_typed_as_pairs_too(folder: Path):
    conversations = json.dumps([row(1)["messages"]])
    pairs = ["scenario=inline", f"conversations={conversations}", f"base_model={TINY}", "project=sums", "epochs=3"]
    pairs += ["run_name=adder-004", "spec=s.json", "script=s.py", "run=no", "learning_rate=1e-4", "wandb=no"]
    result, asker = walk([], **sft_answers.given_of(pairs))
    assert asker.keys == []
    assert result.document["epochs"] == 3
    assert result.document["model"]["spec"]["optimizer"]["learning_rate"] == 1e-4


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("epochs", "'epochs' is no KEY=VALUE"),
        ("run=perhaps", "'perhaps' is neither yes nor no"),
        ("conversations=[", "is no JSON"),
    ],
)
def test_a_pair_that_is_none_is_refused(pair: str, said: str):
    with pytest.raises(UsageError, match=said):
        sft_answers.given_of([pair])


class TestWatching:
    """A script is watched for a while, and then goes on or is stopped."""

    def test_its_words_are_said_and_its_end(self, folder: Path):
        said: list[str] = []
        (folder / "s.py").write_text("print('one')\nprint('two', end='')\n")
        running = WatchedScript.start(folder / "s.py", folder)
        assert running.watch(said.append) == 0
        assert said == ["one", "two"]
        assert running.end_text(0) == [f"trained; the log is {folder / 's.log'}"]

    def test_one_that_runs_on_is_stopped_as_ctrl_c_does(self, folder: Path):
        said: list[str] = []
        script = (
            "import signal, sys\nsignal.signal(signal.SIGINT, lambda *_: sys.exit(130))\nprint('ready')\n"
            "while True:\n    signal.pause()\n"
        )
        (folder / "s.py").write_text(script)
        running = WatchedScript.start(folder / "s.py", folder)
        while "ready" not in said:
            assert running.watch(said.append, 0.05) is None
        assert running.stop() == 130
        assert "--resume last" in running.end_text(130)[0]

    def test_one_without_memory_is_told_what_to_change(self, folder: Path):
        (folder / "s.py").write_text("import sys\nprint('error: out of memory at step 3')\nsys.exit(137)\n")
        running = WatchedScript.start(folder / "s.py", folder)
        code = running.watch(lambda line: None)
        assert code == 137
        told = " ".join(running.end_text(137))
        assert "a smaller max_length" in told
        assert "qlora" in told

    def test_the_wizard_lets_it_go_on_or_stops_it(self, folder: Path, monkeypatch: pytest.MonkeyPatch):
        started: list[WatchedScript] = []
        slow = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_DFL)\nwhile True:\n    signal.pause()\n"
        start = WatchedScript.start

        def other(path: Path, folder: Path) -> WatchedScript:
            path.write_text(slow)
            started.append(start(path, folder))
            return started[-1]

        monkeypatch.setattr(WatchedScript, "start", other)
        file = data(folder / "chats.jsonl")
        result, asker = walk(["file", str(file), *ON, True, "watch", "background"], watch_seconds=0)
        assert result.process == started[0].process.pid
        assert result.code is None
        assert "runner runs logs last --follow" in asker.text
        started[0].stop()
        result, asker = walk(["file", str(file), *ON, True, "stop"], watch_seconds=0)
        assert result.code == started[1].process.returncode != 0


@pytest.mark.slow
def test_the_script_trains_and_ends_and_says_how_to_ask_the_model(folder: Path):
    given = {
        "scenario": "inline", "conversations": [row(1)["messages"], row(2)["messages"]], "base_model": TINY,
        "project": "sums", "run_name": "adder-001", "epochs": 1, "spec": "s.json", "script": "s.py", "run": True,
        "watch_seconds": 600,
    }  # fmt: skip
    result, asker = walk([], **given)
    assert result.code == 0, asker.text
    assert "TRAINING COMPLETE" in asker.said
    assert "runner serve sft/adder-001/v1 --port 8000" in asker.said
    assert any(line.strip() == "Training step:  2" for line in asker.said)
    again = subprocess.run([sys.executable, "s.py"], capture_output=True, text=True, timeout=600, check=False)
    assert again.returncode == 0, again.stderr
    assert "sft/adder-001/v2" in again.stdout
