"""A spec's ``hub`` section, against a Hub on this machine that the real client pushes to."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from runner.errors import ExitCode, SpecError
from runner.spec.checking import load_object
from runner.store import upload_queue
from runner.store.manifest import verify
from runner.tracking import model_upload
from runner.workspace import Workspace
from tests.conftest import Desk
from tests.examples import example
from tests.talking_models import CHATS
from tests.tracking.pushed_hub import PushedHub
from tests.tracking.wandb_cases import disguises, files_with

TOKEN = "hf_planted_Zq8vT3mW5xR7yB1nC4kD6fG9hJ2s"
REPOSITORY = "someone/small-model"


@pytest.fixture
def hub() -> Iterator[PushedHub]:
    with PushedHub(TOKEN) as server:
        yield server
        assert server.faults == []


@pytest.fixture
def here(hub: PushedHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk whose Hub is this one; in this process too."""
    variables = {
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": TOKEN,
        "HF_HOME": str(tmp_path / "hf"),
        # The store of chunks is another service, which has no part in whether a push is right.
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Desk(tmp_path, variables)


def queued(desk: Desk, store: Desk, model: str, private: bool = True) -> tuple[Workspace, upload_queue.Entry]:
    """A stored model that waits."""
    (folder,) = (store.home / "models" / model).glob("v1")
    workspace = Workspace.below(desk.home)
    found = upload_queue.enqueue_for_hub(
        workspace.outbox, model=f"{model}/v1", path=folder, repository=REPOSITORY, private=private
    )
    return workspace, found


def push(workspace: Workspace) -> model_upload.Result:
    (result,) = model_upload.push(workspace, attempts=1, pause=0.01, timeout=120)
    return result


@pytest.mark.slow
def test_a_training_ends_with_its_model_on_the_hub(hub: PushedHub, here: Desk, tmp_path: Path) -> None:
    here.write("spec.json", example("elo_scoring", hub={"repository": REPOSITORY}))
    hub.failing["/commit/"] = 503
    said = here("train", "--spec-file", "spec.json", "--executor", "local", "--json").ok()
    assert any("not pushed to the Hub" in note and "runner artifacts push" in note for note in said.json["notes"])
    waits = here("artifacts", "status").ok().out
    assert "queued" in waits and "the Hub" in waits and REPOSITORY in waits
    hub.failing.clear()
    said = here("artifacts", "push").ok()
    assert f"{hub.url}/{REPOSITORY}" in said.out
    # The next training's model goes at once, and is told of.
    again = here("train", "--spec-file", "spec.json", "--executor", "local", "--json").ok().json
    assert any(note.startswith(f"pushed to the Hub as {REPOSITORY} (private)") for note in again["notes"])
    assert len(hub.repositories[REPOSITORY]["commits"]) == 3
    # The token is nowhere but where it belongs.
    assert files_with(TOKEN, tmp_path) == []
    assert not any(disguise in seen for seen in hub.seen for disguise in disguises(TOKEN))


def test_all_of_a_model_is_pushed_by_one_commit_and_once(
    hub: PushedHub, here: Desk, talking: Desk, tmp_path: Path
) -> None:
    workspace, entry = queued(here, talking, CHATS)
    result = push(workspace)
    assert (result.state, result.exit_code, result.error) == ("done", 0, None)
    assert result.url == f"{hub.url}/{REPOSITORY}"
    repository = hub.repositories[REPOSITORY]
    assert repository["private"] is True and len(repository["commits"]) == 2
    stored = Path(entry.path)
    sums = {path.name: sha256(path.read_bytes()).hexdigest() for path in stored.iterdir()}
    there = {name: sha256(data).hexdigest() for name, data in repository["files"].items()}
    card = repository["files"]["README.md"].decode()
    assert there == sums | {"README.md": there["README.md"]} and card.startswith("---\nlibrary_name:")
    # What is fetched from there is the model, with what the Hub puts beside it.
    fetched = tmp_path / "fetched"
    (fetched / ".cache" / "huggingface").mkdir(parents=True)
    for name, data in {**repository["files"], ".gitattributes": b"", ".cache/huggingface/x.lock": b""}.items():
        (fetched / name).write_bytes(data)
    assert verify(fetched).name == "talker"
    # A crash after the Hub had it, before that was written down: no second commit.
    upload_queue.mark(workspace.outbox, upload_queue.read(workspace.outbox, entry.id), "uploading")
    assert push(workspace).state == "done" and len(repository["commits"]) == 2
    assert model_upload.push(workspace) == []


def test_a_private_model_does_not_go_where_all_can_see_it(hub: PushedHub, here: Desk, talking: Desk) -> None:
    hub.repositories[REPOSITORY] = {"private": False, "files": {}, "commits": ["0" * 40]}
    workspace, _ = queued(here, talking, CHATS)
    result = push(workspace)
    assert result.state == "queued" and "public" in str(result.error) and '"private": false' in str(result.hint)
    assert hub.repositories[REPOSITORY]["files"] == {}


def test_a_token_that_is_refused_and_one_that_is_not_there(
    hub: PushedHub, here: Desk, talking: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    workspace, _ = queued(here, talking, CHATS)
    monkeypatch.setenv("HF_TOKEN", TOKEN[::-1])
    result = push(workspace)
    assert (result.state, result.exit_code) == ("queued", ExitCode.ENVIRONMENT)
    assert "refused the token" in str(result.error) and "HF_TOKEN" in str(result.hint)
    assert TOKEN[::-1] not in str(result) and files_with(TOKEN[::-1], tmp_path) == []
    alone = Desk(here.home, here.environment | {"HF_TOKEN": ""})
    said = alone("artifacts", "push")
    assert said.code == ExitCode.ENVIRONMENT and "no Hub token" in said.err and "hf auth login" in said.err
    # The Hub's own login is as good.
    (tmp_path / "hf").mkdir(exist_ok=True)
    (tmp_path / "hf" / "token").write_text(TOKEN + "\n")
    monkeypatch.setenv("HF_TOKEN", "")
    assert push(workspace).state == "done"


def test_a_hub_that_cannot_be_reached_is_told_and_asked_again(
    hub: PushedHub, here: Desk, talking: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, _ = queued(here, talking, CHATS)
    with socket.socket() as taken:
        # A port that nobody answers at.
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{taken.getsockname()[1]}")
        result = push(workspace)
    assert (result.state, result.exit_code) == ("queued", ExitCode.ENVIRONMENT)
    assert "The Hub cannot be reached" in str(result.error) and "runner artifacts push" in str(result.hint)
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    assert push(workspace).state == "done"


@pytest.mark.parametrize(
    ("section", "pointer"),
    [
        ({"repository": "nameless"}, "/hub/repository"),
        ({"repository": "a//b"}, "/hub/repository"),
        ({"repository": "a/b", "token": TOKEN}, "/hub/token"),
        ({"repository": "a/b", "private": "no"}, "/hub/private"),
        ({}, "/hub"),
    ],
)
def test_a_section_that_is_wrong_is_refused_by_its_place(section: dict[str, object], pointer: str) -> None:
    with pytest.raises(SpecError) as caught:
        load_object(example("elo_scoring", hub=section))
    (fault,) = caught.value.faults
    assert fault.pointer == pointer and TOKEN not in json.dumps(caught.value.as_dict())


def test_an_adapter_whose_base_nobody_else_has_is_refused() -> None:
    document = example("sft", hub={"repository": REPOSITORY})
    document["model"]["spec"] |= {"finetuning_spec": {"method": "lora"}, "save_as": "adapter"}
    with pytest.raises(SpecError) as caught:
        load_object(document)
    assert [fault.pointer for fault in caught.value.faults] == ["/model/spec/save_as"]
    document["model"]["spec"]["base_model_name"] = "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert load_object(document).spec.hub is not None


def test_a_spec_without_the_section_is_the_document_that_it_was() -> None:
    from runner.spec.canonical import canonical

    assert "hub" not in canonical(load_object(example("elo_scoring")).spec)
