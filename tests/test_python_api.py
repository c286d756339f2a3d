"""The Python road: the same results and the same errors as the command line's."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runner import Runner
from runner.errors import ConflictError, DataError, NotFoundError, SpecError, UsageError
from runner.spec.kinds import document_class
from tests.conftest import ROOT, Desk
from tests.examples import example
from tests.talking_models import CHATS, GOES_ON, RANKS

SHORT = {"max_new_tokens": 4}


@pytest.fixture
def talker(talking: Desk) -> Runner:
    return Runner(root=talking.home)


def test_importing_it_loads_nothing(tmp_path):
    code = (
        "import sys; before = set(sys.modules); import runner; print(sorted(set(sys.modules) - before))\n"
        "from runner import Runner\n"
        "print(sorted({'torch', 'numpy', 'pydantic', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["['runner']", "[]"]
    assert "Runner" in dir(__import__("runner.python_api").python_api)
    with pytest.raises(ImportError):
        exec("from runner import Nothing")


def test_a_spec_is_a_document_a_path_or_an_object(tmp_path):
    runner = Runner(root=tmp_path)
    document = example("elo_scoring")
    loaded = runner.validate(document)
    assert loaded.kind == "elo_scoring" and loaded.warnings == []
    path = ROOT / "specs" / "elo_scoring.json"
    made = document_class("elo_scoring").model_validate_json(json.dumps(document))
    for spec in (path, str(path), made, loaded):
        assert runner.validate(spec).spec == loaded.spec
    with pytest.raises(SpecError) as caught:
        runner.validate(document | {"epoch": 3, "batch_size": "many"})
    assert {fault.pointer for fault in caught.value.faults} == {"/epoch", "/batch_size"}
    with pytest.raises(NotFoundError):
        runner.validate(tmp_path / "nowhere.json")
    with pytest.raises(UsageError):
        runner.validate(3)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.warm
def test_a_training_is_the_command_lines(tmp_path, desk: Desk):
    document = example("elo_scoring")
    told = []
    home = tmp_path / "own"
    trained = Runner(root=home).train(document, executor="local", on_event=told.append)
    desk.write("spec.json", document)
    same = desk("train", "--spec-file", "spec.json", "--executor", "local", "--json").ok().json
    assert trained.reference == same["model"]
    assert dict(trained.metrics) == same["metrics"] and trained.tables == same["tables"]
    assert trained.folder == home / "models" / trained.reference and (trained.folder / "manifest.json").exists()
    assert trained.run_folder.parent == home / "runs" and trained.name == document["model"]["name"]
    names = [event.event for event in told]
    assert names[0] == "started" and names[-1] == "finished" and "epoch" in names
    with pytest.raises(ConflictError, match="nothing to resume"):
        Runner(root=home).resume()
    assert [model.reference for model in Runner(root=home).models()] == [trained.reference]


@pytest.mark.slow
@pytest.mark.warm
def test_a_callback_that_fails_ends_no_run_and_is_told_of(tmp_path):
    trained = Runner(root=tmp_path).train(example("elo_scoring"), executor="local", on_event=lambda event: 1 / 0)
    assert any("ZeroDivisionError" in note for note in trained.notes)


def test_a_runs_warnings_are_among_its_notes(tmp_path):
    told = []
    dropped = tmp_path / "few.csv"
    dropped.write_text("prompt,model_a,model_b,winner\n" + "a,x,y,model_a\nb,y,x,model_a\n,,,\n" * 40)
    spec = example("elo_scoring", data={"dataset": str(dropped)})
    trained = Runner(root=tmp_path).train(spec, executor="local", on_event=told.append)
    warned = [event.message for event in told if event.event == "warning"]
    assert warned and all(any(message in note for note in trained.notes) for message in warned)


def test_what_a_run_ended_with_is_raised(tmp_path):
    gone = example("elo_scoring", data={"dataset": str(tmp_path / "nowhere.csv")})
    with pytest.raises((NotFoundError, DataError)):
        Runner(root=tmp_path).train(gone, executor="local")


def test_prompts_messages_rows_and_files_are_answered_alike(talker: Runner, tmp_path):
    found = talker.infer(CHATS, ["Hi", "And?"], options=SHORT)
    assert [record["index"] for record in found.records] == [0, 1]
    assert found.provenance["model"] == f"{CHATS}/v1"
    turns = [[{"role": "user", "content": text}] for text in ("Hi", "And?")]
    assert talker.infer(CHATS, messages=turns, options=SHORT).records == found.records
    rows = [{"prompt": "Hi"}, {"prompt": "And?"}]
    assert talker.infer(CHATS, rows=rows, options=SHORT).records == found.records
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert talker.infer(CHATS, rows=file, options=SHORT).records == found.records


def test_questions_that_are_none_are_refused(talker: Runner):
    for words in ({}, {"prompts": ["a"], "rows": [{"prompt": "a"}]}, {"prompts": "a"}, {"rows": []}):
        with pytest.raises(UsageError):
            talker.infer(CHATS, **words)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="rows:1"):
        try:
            talker.infer(CHATS, rows=[{"prompt": object()}])
        except UsageError as error:
            raise UsageError(str(error.where)) from error
    with pytest.raises(DataError) as caught:
        talker.infer(CHATS, rows=[{"prompt": "Hi"}, {"nothing": 1}])
    assert "rows:2" in str(caught.value.where)
    with pytest.raises(UsageError) as refused:
        talker.infer(CHATS, ["Hi"], options={"max_new_token": 4})
    assert (refused.value.where, refused.value.hint) == ("options", "did you mean 'max_new_tokens'?")
    with pytest.raises(UsageError) as refused:
        talker.infer(CHATS, ["Hi"], options={"top_k": 4})
    assert refused.value.where == 'options["top_k"]'
    assert refused.value.hint == "give a temperature above 0, such as 1"
    with pytest.raises(UsageError) as refused:
        talker.infer(CHATS, [])
    assert refused.value.where == "prompts"
    with pytest.raises(UsageError) as refused:
        talker.chat(CHATS, options={"max_new_token": 4})
    assert refused.value.where == "options"
    with pytest.raises(NotFoundError):
        talker.infer("sft/nobody", ["Hi"])


def test_a_conversation_streams_and_remembers(talker: Runner, tmp_path):
    import torch

    session = talker.chat(CHATS, system="Be brief.", options=SHORT)
    pieces = []
    for piece in session.send("Hi"):
        # Who reads is not in the model's mode.
        assert not torch.is_inference_mode_enabled()
        pieces.append(piece)
    assert "".join(pieces) and [turn.role for turn in session.history] == ["user", "assistant"]
    answer = session.send("And?")
    assert answer.text and answer.finish_reason == "length" and len(session.history) == 4
    session.set(max_new_tokens=500, min_new_tokens=400)
    begun = session.send("Go on")
    first = next(begun)
    begun.close()
    assert begun.finish_reason == "interrupted" and first and len(session.history) == 6
    session.save(tmp_path / "kept.json")
    other = talker.chat(CHATS)
    other.load(tmp_path / "kept.json")
    assert other.history == session.history and other.system == "Be brief." and other.options == session.options
    for model in (RANKS, GOES_ON):
        with pytest.raises(ConflictError):
            talker.chat(model)


def test_a_predictor_is_loaded(talker: Runner):
    predictor = talker.load(CHATS)
    assert predictor is not talker.load(CHATS) and hasattr(predictor, "predict")


def test_its_page_names_its_methods():
    text = (ROOT / "docs" / "python.md").read_text()
    methods = [name for name, value in vars(Runner).items() if callable(value) and not name.startswith("_")]
    assert {f"| `{name}(" for name in methods} - {line[: line.find("(") + 1] for line in text.splitlines()} == set()


@pytest.mark.slow
def test_the_example_runs(tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "python_api.py", tmp_path / "made"],
        cwd=tmp_path, capture_output=True, text=True, timeout=300,
        env=Desk(tmp_path).variables | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "/batch_size: " in done.stdout and "sft/tutor/v1" in done.stdout and "2 turns" in done.stdout
    assert Path(tmp_path, "made", "models", "sft", "tutor", "v1", "config.json").exists()


def test_an_evaluation_is_the_command_lines(talking: Desk, tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RUNNER_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(ROOT)
    file = ROOT / "specs" / "evaluation" / "opposites.json"
    events: list[object] = []
    words = {"limit": 3, "seed": 2, "output_dir": tmp_path / "out"}
    found = Runner(root=talking.home).evaluate([CHATS], [file], on_event=events.append, **words)
    assert events
    again = Runner(root=talking.home).evaluate([CHATS], [json.loads(file.read_text())], **words)
    assert found["tasks"][0]["results"] == again["tasks"][0]["results"]
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text()) == again
    copy = tmp_path / "elsewhere"
    shutil.copytree(talking.home / "models", copy / "models")
    Runner(root=copy).evaluate([CHATS], [file], limit=3, seed=2)
    (folder,) = (copy / "evaluations").iterdir()
    assert json.loads((folder / "evaluation.json").read_text())["tasks"][0]["results"] == again["tasks"][0]["results"]
    with pytest.raises(SpecError) as caught:
        Runner(root=talking.home).evaluate([CHATS], [{"name": "x", "promt": ""}], output_dir=tmp_path)
    assert "/promt" in {fault.pointer for fault in caught.value.faults}


@pytest.mark.parametrize(
    ("models", "tasks", "named"),
    [
        (CHATS, ["a.json"], "models"),
        ([CHATS], "a.json", "tasks"),
        ([CHATS], Path("a.json"), "tasks"),
        ([CHATS], {"name": "a"}, "tasks"),
    ],
)
def test_one_model_or_task_in_no_list_is_refused_by_name(tmp_path, models, tasks, named):
    with pytest.raises(UsageError) as refused:
        Runner(root=tmp_path).evaluate(models, tasks)
    assert (refused.value.where, refused.value.hint) == (named, "a list, also of one")
