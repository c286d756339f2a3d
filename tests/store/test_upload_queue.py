"""The outbox is a queue on disk: whatever happens, an entry is there whole or not at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import ConflictError, EnvironmentProblem, IntegrityError, NotFoundError
from runner.store import upload_queue
from runner.store.files import sha256_file


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "models" / "dense_network" / "x" / "v1"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text('{"name": "x"}')
    return folder


def enqueue(box: Path, model: Path, **changes: Any) -> upload_queue.Entry:
    words: dict[str, Any] = {
        "model": "dense_network/x/v1", "path": model, "run_dir": None, "artifact_name": "x", "project": "p",
        "entity": None, "wandb_run_id": "abc", "run_name": "e/c", "group": "e",
    }  # fmt: skip
    return upload_queue.enqueue(box, **(words | changes))


def test_an_entry_says_what_and_where_to(tmp_path: Path, model: Path) -> None:
    entry = enqueue(tmp_path / "outbox", model)
    assert (entry.state, entry.attempts, entry.last_error) == ("queued", 0, None)
    assert entry.manifest_sha256 == sha256_file(model / "manifest.json")
    assert upload_queue.entries(tmp_path / "outbox") == [entry]
    assert upload_queue.read(tmp_path / "outbox", entry.id) == entry


def test_the_same_model_is_queued_once(tmp_path: Path, model: Path) -> None:
    box = tmp_path / "outbox"
    first = enqueue(box, model)
    done = upload_queue.mark(box, first, "done", version="v0")
    assert enqueue(box, model) == done
    assert len(upload_queue.entries(box)) == 1


@pytest.mark.parametrize("change", [{"project": "q"}, {"artifact_name": "y"}, {"entity": "team"}])
def test_another_destination_is_another_entry(tmp_path: Path, model: Path, change: dict[str, str]) -> None:
    box = tmp_path / "outbox"
    assert enqueue(box, model).id != enqueue(box, model, **change).id
    assert len(upload_queue.entries(box)) == 2


def test_another_content_is_another_entry(tmp_path: Path, model: Path) -> None:
    box = tmp_path / "outbox"
    first = enqueue(box, model)
    (model / "manifest.json").write_text('{"name": "x", "changed": true}')
    assert enqueue(box, model).id != first.id


def test_what_is_not_stored_is_not_queued(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        enqueue(tmp_path / "outbox", tmp_path / "nothing")
    assert upload_queue.entries(tmp_path / "outbox") == []


def test_a_write_that_breaks_leaves_the_old_entry(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box = tmp_path / "outbox"
    entry = enqueue(box, model)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EnvironmentProblem, match="disk is full"):
        upload_queue.mark(box, entry, "done")
    monkeypatch.undo()
    assert upload_queue.entries(box) == [entry]
    assert [path.name for path in box.iterdir() if not path.name.endswith(".lock")] == [f"{entry.id}.json"]


def test_a_process_killed_between_two_states_leaves_one_of_them(tmp_path: Path, model: Path) -> None:
    """kill -9 while a process rewrites the entry as fast as it can: the file is always a whole entry."""
    box = tmp_path / "outbox"
    entry = enqueue(box, model)
    rewriting = (
        "import sys; from pathlib import Path; from runner.store import upload_queue\n"
        "box = Path(sys.argv[1]); entry = upload_queue.read(box, sys.argv[2]); print('ready', flush=True)\n"
        "while True:\n"
        "    for state in ('uploading', 'queued'):\n"
        "        entry = upload_queue.mark(box, entry, state, last_error='x' * 20000)\n"
    )
    for _ in range(3):
        child = subprocess.Popen(
            [sys.executable, "-c", rewriting, str(box), entry.id], stdout=subprocess.PIPE,
            cwd=Path(upload_queue.__file__).parents[2],
        )  # fmt: skip
        assert child.stdout is not None and child.stdout.readline() == b"ready\n"
        while upload_queue.read(box, entry.id).last_error is None:
            pass
        child.kill()
        child.wait()
        child.stdout.close()
        (found,) = upload_queue.entries(box)
        assert found.state in ("uploading", "queued") and found.last_error == "x" * 20000


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"id": 3}', '{"id": "a", "model": "m", "state": "queued"}', "null"]
)
def test_a_file_that_is_no_entry_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "abc.json").write_text(text)
    with pytest.raises(IntegrityError) as caught:
        upload_queue.entries(tmp_path)
    assert caught.value.where == str(tmp_path / "abc.json")


def test_a_state_nobody_knows_is_no_entry(tmp_path: Path, model: Path) -> None:
    entry = enqueue(tmp_path, model)
    file = tmp_path / f"{entry.id}.json"
    file.write_text(json.dumps(entry.as_dict() | {"state": "lost"}))
    with pytest.raises(IntegrityError):
        upload_queue.entries(tmp_path)


def test_an_outbox_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert upload_queue.entries(tmp_path / "none") == []
    with pytest.raises(NotFoundError):
        upload_queue.read(tmp_path / "none", "abc")


def test_an_entry_has_one_holder(tmp_path: Path, model: Path) -> None:
    entry = enqueue(tmp_path, model)
    refused: list[bool] = []

    def other() -> None:
        try:
            with upload_queue.lock(tmp_path, entry.id):
                refused.append(False)
        except ConflictError:
            refused.append(True)

    with upload_queue.lock(tmp_path, entry.id):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    other()
    assert refused == [True, False]


@settings(max_examples=40, deadline=None)
@given(
    artifact_name=st.text(min_size=1, max_size=40), project=st.text(min_size=1, max_size=40),
    error=st.text(max_size=200), attempts=st.integers(0, 10**6), state=st.sampled_from(upload_queue.STATES),
)  # fmt: skip
def test_an_entry_comes_back_as_it_was_written(
    artifact_name: str, project: str, error: str, attempts: int, state: upload_queue.State
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "manifest.json").write_text("{}")
        box = folder / "outbox"
        entry = enqueue(box, folder, artifact_name=artifact_name, project=project)
        marked = upload_queue.mark(box, entry, state, last_error=error, attempts=attempts)
        assert upload_queue.entries(box) == [marked]
        assert (marked.artifact_name, marked.project, marked.state) == (artifact_name, project, state)
