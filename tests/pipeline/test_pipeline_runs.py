"""Pipelines that run: what is done is not done again, a crash anywhere changes nothing, failures say how to go on."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from runner.errors import EnvironmentProblem
from runner.pipeline import running
from runner.pipeline.loading import load_object
from runner.pipeline.step_store import StepStore
from runner.store.files import sha256_file
from runner.workspace import Workspace
from tests.conftest import Desk
from tests.holding import held, held_run
from tests.pipeline.made_pipelines import PROCESS, SPLIT, chat, comparisons, pipeline, ran, rated, sums


def states(document: dict[str, Any]) -> list[str]:
    return [step["state"] for step in document["steps"]]


def journal(desk: Desk, name: str) -> list[dict[str, Any]]:
    lines = (desk.home / "pipelines" / name / "journal.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def models(desk: Desk) -> list[str]:
    return sorted(str(path.relative_to(desk.home / "models")) for path in (desk.home / "models").glob("*/*/v*"))


def weights(desk: Desk, model: str) -> dict[str, str]:
    """The model's files by their bytes, but for those that tell of it."""
    return {
        path.name: sha256_file(path)
        for path in sorted((desk.home / "models" / model).iterdir())
        if path.suffix == ".safetensors" or path.name == "ratings.json"
    }


def test_data_steps_are_done_once_and_again_only_where_something_changed(desk: Desk) -> None:
    sums(desk.home)
    document = pipeline(PROCESS, SPLIT, {"stats": {"input": {"$from": "split"}}})
    first = ran(desk, document).ok().json
    assert states(first) == ["done"] * 3
    assert first["steps"][0]["facts"]["dropped"] == {"no_assistant": 1}
    assert set(first["steps"][1]["parts"]) == {"train", "validation", "test"}
    assert states(ran(desk, document).ok().json) == ["done before"] * 3
    # A default that is written out changes nothing, another seed the split and what comes after.
    document["steps"][0] = {"name": "clean", "process": {"input": "raw.jsonl", "keep": []}}
    assert states(ran(desk, document).ok().json) == ["done before"] * 3
    document["steps"][1] = {"name": "split", "split": SPLIT["split"] | {"seed": 7}}
    assert states(ran(desk, document).ok().json) == ["done before", "done", "done"]
    # Other bytes in the raw file: everything.
    sums(desk.home, count=30)
    assert states(ran(desk, document).ok().json) == ["done"] * 3


def test_a_file_that_was_changed_afterwards_is_made_again(desk: Desk) -> None:
    sums(desk.home)
    document = pipeline(PROCESS)
    made = Path(ran(desk, document).ok().json["steps"][0]["parts"]["data"])
    before = made.read_bytes()
    made.write_bytes(before + b"{}\n")
    assert states(ran(desk, document).ok().json) == ["done"]
    assert made.read_bytes() == before


def test_from_does_a_step_and_all_after_it_anew(desk: Desk) -> None:
    sums(desk.home)
    document = pipeline(PROCESS, SPLIT, {"stats": {"input": {"$from": "split"}}})
    ran(desk, document).ok()
    assert states(ran(desk, document, "--from", "split").ok().json) == ["done before", "done", "done"]
    wrong = ran(desk, document, "--from", "spilt")
    assert wrong.code == 5 and "did you mean 'split'?" in wrong.json["hint"]


def test_a_style_reaches_every_part(desk: Desk) -> None:
    sums(desk.home)
    words = 'Say "it" for $5.'
    style = {"name": "style", "style": {"input": {"$from": "split"}, "style": words}}
    made = ran(desk, pipeline(PROCESS, SPLIT, style)).ok().json["steps"][2]["parts"]
    assert set(made) == {"train", "validation", "test"}
    for path in made.values():
        assert all(json.loads(line)["system"] == words for line in Path(path).read_text().splitlines())


def test_the_steps_are_listed_and_shown_with_a_page(desk: Desk) -> None:
    sums(desk.home)
    ran(desk, pipeline(PROCESS, SPLIT, name="first")).ok()
    (row,) = desk("pipeline", "list", "--json").ok().json
    assert (row["pipeline"], row["state"], row["done"], row["steps"]) == ("first", "done", 2, 2)
    shown = desk("pipeline", "show", "first", "--json").ok().json
    assert [step["state"] for step in shown["steps"]] == ["done", "done"]
    assert "26 rows read" in desk("pipeline", "show", "first").ok().out
    page = Path(shown["page"]).read_text()
    assert "clean" in page and "no assistant" in page and "split" in page
    # The document as its text, and links that lead somewhere.
    assert "&quot;$from&quot;: &quot;clean&quot;" in page
    for link in page.split('href="')[1:]:
        target = link.partition('"')[0]
        assert target.startswith("#") or (Path(shown["folder"]) / target).exists(), target
    assert (Path(shown["folder"]) / "clean" / "rows" / "data.jsonl").is_file()
    wrong = desk("pipeline", "show", "frist")
    assert wrong.code == 5 and "did you mean 'first'?" in wrong.err


def test_a_dry_run_starts_nothing(desk: Desk) -> None:
    sums(desk.home)
    plan = ran(desk, pipeline(PROCESS, SPLIT, {"train": chat()}), "--dry-run").ok().json
    assert [step["state"] for step in plan["steps"]] == ["to do"] * 3
    assert plan["steps"][2]["makes"] == {"model": "sft/tutor"} and plan["steps"][2]["after"] == ["split"]
    assert not (desk.home / "pipelines").exists() and not (desk.home / "runs").exists()


def test_a_failing_step_names_itself_keeps_what_is_done_and_has_its_own_exit_code(desk: Desk) -> None:
    raw = sums(desk.home, count=2)
    document = pipeline(PROCESS, SPLIT)
    failed = ran(desk, document)
    assert failed.code == 4
    assert states(failed.json) == ["done", "failed"] and failed.json["state"] == "failed"
    error = failed.json["steps"][1]["error"]
    assert error["where"].startswith("step 'split'") and "pipeline run" in error["hint"]
    assert desk("pipeline", "show", "small", "--json").ok().json["state"] == "failed"
    said = desk("pipeline", "run", "pipeline.json")
    assert said.code == 4 and "step 'split'" in said.err and "what is done is not done again" in said.err
    assert raw.is_file()


def test_a_disk_that_is_full_between_two_steps_leaves_nothing_half(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    sums(desk.home)
    monkeypatch.chdir(desk.home)
    loaded, workspace = load_object(pipeline(PROCESS, SPLIT)), Workspace.current()
    rename = Path.rename

    def full(self: Path, target: Any) -> Path:
        if "split" in str(target) and "_steps" in str(target):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return rename(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", full)
        ended = running.run(loaded, workspace)
    assert isinstance(ended.error, EnvironmentProblem) and ended.error.message == "the disk is full"
    assert [step.state for step in ended.steps] == ["done", "failed"]
    store = StepStore(workspace)
    assert not list((store.home / "_steps").glob("split-*"))
    assert [step.state for step in running.run(loaded, workspace).steps] == ["done before", "done"]


def test_a_pipeline_that_runs_is_not_run_beside_itself(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    sums(desk.home)
    monkeypatch.chdir(desk.home)
    with StepStore(Workspace.current()).running("small"):
        refused = ran(desk, pipeline(PROCESS))
    assert refused.code == 5 and "another process" in refused.json["message"]


def test_a_journal_that_a_crash_cut_off_is_read_and_gone_on_with(desk: Desk) -> None:
    sums(desk.home)
    document = pipeline(PROCESS)
    ran(desk, document).ok()
    path = desk.home / "pipelines" / "small" / "journal.jsonl"
    path.write_bytes(path.read_bytes() + b'{"event": "step-beg')
    assert states(ran(desk, document).ok().json) == ["done before"]
    assert desk("pipeline", "show", "small", "--json").ok().json["state"] == "done"


@pytest.mark.slow
def test_kill_at_every_boundary_changes_nothing(tmp_path: Path) -> None:
    """SIGKILL at each line of the journal, one after the other in one folder, and once more to the end."""
    homes = [tmp_path / name for name in ("whole", "killed")]
    for home in homes:
        home.mkdir()
        comparisons(home)
    whole, killed = (Desk(home) for home in homes)
    ran(whole, rated()).ok()
    path = killed.write("pipeline.json", rated())
    names = [step["step"] for step in ran(whole, rated()).ok().json["steps"]]
    events = ["pipeline-began", *(f"{when}-{name}" for name in names for when in ("step-began", "step-ended"))]
    for event in events:
        process = held(killed, "pipeline", "run", path, "--executor", "local", at=f"{event}:1")
        process.kill()
        process.wait()
    end = ran(killed, rated()).ok().json
    assert states(end) == ["done before"] * 4
    done = [line["step"] for line in journal(killed, "rated") if line["event"] == "step-ended"]
    assert done == names
    assert models(killed) == models(whole) == ["elo_scoring/ratings/v1"]
    assert len(list((killed.home / "runs").iterdir())) == 1
    answers = [json.loads((desk.home / "pipelines/rated/answers/step.json").read_text()) for desk in (whole, killed)]
    assert answers[0]["parts"] == answers[1]["parts"]


@pytest.mark.slow
def test_kill_inside_a_training_resumes_from_its_checkpoint_to_the_same_model(tmp_path: Path) -> None:
    desks = []
    for name in ("whole", "killed"):
        home = tmp_path / name
        home.mkdir()
        sums(home)
        desks.append(Desk(home))
    whole, killed = desks
    document = pipeline(PROCESS, SPLIT, {"name": "train", "train": chat(epochs=3)})
    ran(whole, document).ok()
    path = killed.write("pipeline.json", document)
    process, run = held_run(killed, "pipeline", "run", path, "--executor", "local", at="epoch:2")
    process.kill()
    process.wait()
    end = ran(killed, document).ok().json
    assert states(end) == ["done before", "done before", "done"]
    assert end["steps"][2]["run"] == run.name and len(list((killed.home / "runs").iterdir())) == 1
    assert models(killed) == ["sft/tutor/v1"]
    assert weights(killed, "sft/tutor/v1") == weights(whole, "sft/tutor/v1") != {}
    # The lock leads from the model to the raw file.
    lock = json.loads((killed.home / "models/sft/tutor/v1/manifest.json").read_text())["lock"]["pipeline"]
    assert (lock["name"], lock["step"]) == ("small", "train")
    assert [step["verb"] for step in lock["steps"]] == ["process", "split"]
    assert lock["steps"][0]["files"] == [["raw.jsonl", sha256_file(killed.home / "raw.jsonl")]]


@pytest.mark.slow
@pytest.mark.warm
def test_a_model_that_was_removed_is_trained_again_and_what_hangs_on_it_too(desk: Desk) -> None:
    comparisons(desk.home)
    ran(desk, rated()).ok()
    desk("models", "remove", "elo_scoring/ratings/v1", "--yes").ok()
    assert states(ran(desk, rated()).ok().json) == ["done before", "done before", "done", "done"]


@pytest.mark.slow
@pytest.mark.warm
def test_a_chat_model_from_raw_rows_to_figures(desk: Desk) -> None:
    sums(desk.home)
    task = {
        "name": "sums",
        "data": {"dataset": {"$from": "split.test"}},
        "prompt": "{user}",
        "answer": {"by": "generation", "reference": "{assistant}", "options": {"max_new_tokens": 4},
                   "metrics": [{"metric": "exact_match"}]},
    }  # fmt: skip
    spec = chat(epochs=1)
    spec["model"]["spec"] |= {"finetuning_spec": {"method": "lora"}, "save_as": "adapter"}
    document = pipeline(
        PROCESS,
        SPLIT,
        {"name": "train", "train": spec},
        {"name": "whole", "merge": {"model": {"$from": "train"}}},
        {"evaluate": {"models": [{"$from": "whole"}, {"$from": "train"}], "tasks": [task]}},
        {"infer": {"model": {"$from": "whole"}, "input": {"$from": "split.test"}, "options": {"max_new_tokens": 4}}},
    )
    end = ran(desk, document).ok().json
    assert states(end) == ["done"] * 6
    assert models(desk) == ["sft/tutor-merged/v1", "sft/tutor/v1"]
    assert {row["model"] for row in end["steps"][4]["facts"]["results"]} == {"sft/tutor-merged/v1", "sft/tutor/v1"}
    answers = Path(end["steps"][5]["parts"]["answers"]).read_text().splitlines()
    assert len(answers) == end["steps"][1]["facts"]["files"]["test.jsonl"]["rows"]
    assert (desk.home / "pipelines/small/evaluate/evaluation.html").is_file()
    assert states(ran(desk, document).ok().json) == ["done before"] * 6
