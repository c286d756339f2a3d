"""A base model, one that was not trained here, in the place of a stored one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.errors import ConflictError, NotFoundError
from runner.inference.inferring import ask
from runner.inference.opening import find_model, open_model
from runner.store.model_lookup import StoredModel
from runner.training import made_models
from runner.workspace import Workspace
from tests.conftest import Desk
from tests.talking_models import CHATS

BASE = made_models.TINY
SHORT = ("--set", "max_new_tokens=4")


@pytest.fixture
def workspace(talking: Desk) -> Workspace:
    return Workspace.below(talking.home)


@pytest.mark.slow
@pytest.mark.warm
def test_it_answers_and_talks_by_its_name(talking: Desk):
    said = talking("infer", "--model", BASE, "--prompts", "Hi", "--output-path", "-", *SHORT).ok().json
    assert said["completions"][0]["completion_tokens"] == 4
    chat = talking("chat", BASE, *SHORT, "--json", stdin="Hi\n").ok().json
    assert chat["model"] == BASE
    assert chat["messages"][1]["content"] == said["completions"][0]["completion"]


def test_a_folder_is_named_by_its_path(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = made_models.made(BASE, workspace.cache)
    assert folder is not None
    (tmp_path / "base").symlink_to(folder)
    monkeypatch.chdir(tmp_path)
    assert ask(workspace, "./base").model.reference == "./base"


def test_its_manifest_says_which_bytes_it_has(workspace: Workspace):
    first, second = (open_model(workspace, BASE, or_base=True).manifest for _ in range(2))
    assert "model.safetensors" in first.files and first.run is None
    assert first.sha256 == second.sha256
    assert Path(find_model(workspace, BASE, or_base=True).path / "config.json").exists()


def test_a_stored_model_is_never_taken_for_one(workspace: Workspace):
    assert type(find_model(workspace, CHATS, or_base=True)) is StoredModel


def test_a_misspelt_one_has_the_nearest_as_its_hint(workspace: Workspace):
    with pytest.raises(NotFoundError) as refused:
        ask(workspace, "runner/tiny-lama")
    assert refused.value.hint == "did you mean 'runner/tiny-llama'?"


@pytest.mark.parametrize("name", ["HuggingFaceTB/SmolLM2-360M-Instruct", "NoSuchOrg/NoModel"])
def test_one_of_the_hub_that_is_not_here_is_called_so(talking: Desk, name: str):
    refused = talking("chat", name, stdin="Hi\n")
    assert refused.code == 5 and f"no model {name} of the Hub lies here" in refused.err
    assert f"hf download {name}" in refused.err and "did you mean" not in refused.err


def test_a_type_with_a_letter_wrong_is_none_of_the_hub(talking: Desk):
    refused = talking("chat", "stf/nobody", stdin="Hi\n")
    assert refused.code == 5 and "did you mean 'sft'?" in refused.err and "Hub" not in refused.err


def test_where_a_stored_one_is_needed_it_is_called_a_base(workspace: Workspace):
    with pytest.raises(NotFoundError) as refused:
        open_model(workspace, BASE)
    assert "is a base model, and a stored one is needed" in str(refused.value.hint)


def test_one_that_makes_no_text_is_refused(talking: Desk):
    refused = talking("chat", "runner/tiny-bert", stdin="Hi\n")
    assert refused.code == 4 and "Traceback" not in refused.err


def test_it_is_compared_with_what_was_trained(talking: Desk, tmp_path: Path):
    rows = [{"word": word, "right": right} for word, right in (("hot", "cold"), ("up", "down"))]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = {
        "name": "likely",
        "data": {"dataset": str(tmp_path / "rows.jsonl")},
        "prompt": "{word}",
        "answer": {"by": "log_likelihood", "target": "{right}"},
    }
    (tmp_path / "task.json").write_text(json.dumps(task))
    words = ("--models", BASE, CHATS, "--tasks", str(tmp_path / "task.json"), "--output-dir", str(tmp_path / "out"))
    document = talking("evaluate", *words, "--offline", "--json").ok().json
    assert [each["model"] for each in document["models"]] == [BASE, f"{CHATS}/v1"]
    # The stored one has the same weights.
    first, second = ({row["metric"]: row["value"] for row in document["tasks"][0]["results"] if row["model"] == name}
                     for name in (BASE, f"{CHATS}/v1"))  # fmt: skip
    assert first == pytest.approx(second)


def test_merging_one_is_refused(talking: Desk):
    refused = talking("merge", BASE)
    assert refused.code == NotFoundError.code == ConflictError.code
    assert "is a base model" in refused.err
