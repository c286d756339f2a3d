"""Prepared data in the store: whole versions, found by name, checked by every byte, never a number twice."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from runner.errors import ConflictError, EnvironmentProblem, IntegrityError, NotFoundError, UsageError
from runner.pipeline.steps.preparing import prepare
from runner.store import prepared_data
from runner.store.model_lookup import listing
from runner.workspace import Workspace

ROW = {"user": "q", "assistant": "a"}


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("raw.jsonl").write_text(json.dumps(ROW) + "\n")
    return Workspace.below(Path())


def stored(workspace, name="chats", **options):
    return prepare("process", "raw.jsonl", options, None, workspace, store_as=name)


def test_versions_follow_one_another_and_the_same_is_stored_once(workspace):
    first = stored(workspace)
    assert (first.stored.reference, first.new) == ("dataset/chats/v1", True)
    again = stored(workspace)
    assert (again.stored.reference, again.new) == ("dataset/chats/v1", False)
    assert stored(workspace, system="Be kind.").stored.reference == "dataset/chats/v2"
    assert [each.reference for each in prepared_data.listing(workspace.store)] == [
        "dataset/chats/v1",
        "dataset/chats/v2",
    ]
    assert prepared_data.find(workspace.store, "dataset/chats").version == 2
    assert prepared_data.find(workspace.store, "dataset/chats/v1").rows == {"data": 1}
    # Beside the models, and no model.
    assert list(listing(workspace.store)) == []


def test_a_removed_number_is_not_given_again(workspace):
    stored(workspace)
    prepared_data.remove(prepared_data.find(workspace.store, "dataset/chats"))
    assert list(prepared_data.listing(workspace.store)) == []
    assert stored(workspace).stored.reference == "dataset/chats/v2"


def test_a_changed_byte_is_found(workspace):
    made = stored(workspace).stored
    made.verify()
    file = made.parts["data"]
    file.write_bytes(file.read_bytes().replace(b"q", b"r"))
    with pytest.raises(IntegrityError, match="checksum differs") as error:
        prepared_data.find(workspace.store, "dataset/chats").verify()
    assert error.value.where == str(file)
    file.unlink()
    with pytest.raises(IntegrityError, match="missing"):
        prepared_data.find(workspace.store, "dataset/chats").verify()


def test_a_damaged_account_is_told(workspace):
    made = stored(workspace).stored
    (made.path / prepared_data.ACCOUNT).write_text("{}")
    with pytest.raises(IntegrityError, match="no account"):
        prepared_data.find(workspace.store, "dataset/chats")


def test_a_full_disk_leaves_no_version(workspace, monkeypatch):
    def full(source, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(prepared_data, "copy_file", full)
    with pytest.raises(EnvironmentProblem, match="disk is full"):
        stored(workspace)
    assert list(prepared_data.listing(workspace.store)) == []
    assert [path.name for path in (workspace.store / "dataset" / "chats").iterdir()] == [".lock"]


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("dataset/chat", "no stored data set", "dataset/chats"),
        ("dataset/chats/v9", "no version v9", "v1"),
    ],
)
def test_a_name_of_nothing_has_the_nearest(workspace, text, said, hint):
    stored(workspace)
    with pytest.raises(NotFoundError, match=said) as error:
        prepared_data.find(workspace.store, text)
    assert hint in error.value.hint


@pytest.mark.parametrize("text", ["chats", "dataset/chats/1", "dataset/a/b/c", "dataset/..", "dataset/-x"])
def test_what_is_no_such_name_is_refused(workspace, text):
    with pytest.raises(UsageError):
        prepared_data.find(workspace.store, text)


def test_a_path_and_a_name_are_told_apart(workspace):
    folder = Path("dataset/chats")
    folder.mkdir(parents=True)
    assert prepared_data.named(workspace.store, "dataset/chats") is None
    stored(workspace)
    with pytest.raises(ConflictError, match="a path here") as error:
        prepared_data.named(workspace.store, "dataset/chats")
    assert "./dataset/chats" in error.value.hint
    folder.rmdir()
    assert prepared_data.named(workspace.store, "dataset/chats").version == 1
    assert prepared_data.named(workspace.store, "./dataset/chats") is None
