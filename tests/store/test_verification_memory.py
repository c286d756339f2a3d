"""A stored model that was found whole is not read again while its files are as they were."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from runner.errors import IntegrityError
from runner.store.manifest import ModelFacts, seal, verify
from runner.store.model_lookup import open_verified
from runner.store.model_storing import promote
from tests.store.test_model_storing import count_hashes


@pytest.fixture
def store(tmp_path: Path) -> Path:
    artifact = tmp_path / "artifact"
    artifact.mkdir()
    (artifact / "model.json").write_text('{"a": 1}')
    with (artifact / "weights.safetensors").open("wb") as file:
        file.truncate(8 * 2**20)
    promote(tmp_path / "store", "kind", "name", artifact, ModelFacts(run="r1"), move=True)
    return tmp_path / "store"


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour after whatever the files' times say."""
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 3600)


def test_a_model_is_hashed_once_and_then_opened_without(store, tmp_path, monkeypatch, later):
    cache, hashed = tmp_path / "cache", count_hashes(monkeypatch)
    _, first = open_verified(store, "kind/name", cache)
    assert sorted(hashed) == ["model.json", "weights.safetensors"]
    hashed.clear()
    _, again = open_verified(store, "kind/name", cache)
    assert hashed == []
    assert first == again
    verify(store / "kind" / "name" / "v1")
    assert len(hashed) == 2, "asked to check every byte, it does"


def test_what_changed_a_moment_ago_is_not_remembered(store, tmp_path, monkeypatch):
    hashed = count_hashes(monkeypatch)
    open_verified(store, "kind/name", tmp_path / "cache")
    open_verified(store, "kind/name", tmp_path / "cache")
    assert len(hashed) == 4


@pytest.mark.parametrize("how", ["in place", "with its time put back", "another inode"])
def test_a_file_that_was_changed_since_is_found(store, tmp_path, later, how):
    open_verified(store, "kind/name", tmp_path / "cache")
    file = store / "kind" / "name" / "v1" / "model.json"
    before = file.stat()
    if how == "another inode":
        (tmp_path / "new").write_text('{"a": 2}')
        os.utime(tmp_path / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
        (tmp_path / "new").replace(file)
    else:
        with file.open("r+b") as opened:
            opened.write(b'{"a": 2}')
        if how == "with its time put back":
            os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(IntegrityError, match="checksum"):
        open_verified(store, "kind/name", tmp_path / "cache")


def test_another_manifest_is_checked_against_the_files_anew(store, tmp_path, later, monkeypatch):
    open_verified(store, "kind/name", tmp_path / "cache")
    place = store / "kind" / "name" / "v1" / "manifest.json"
    document = json.loads(place.read_text())
    document["files"]["model.json"]["sha256"] = "0" * 64
    place.write_text(json.dumps(seal(document)))
    hashed = count_hashes(monkeypatch)
    with pytest.raises(IntegrityError, match="checksum"):
        open_verified(store, "kind/name", tmp_path / "cache")
    assert len(hashed) == 2


@pytest.mark.parametrize("content", ["", "[]", "{", '{"files": 3}', "null"])
def test_a_memory_that_is_damaged_or_cannot_be_written_only_costs_time(store, tmp_path, later, monkeypatch, content):
    open_verified(store, "kind/name", tmp_path / "cache")
    (kept,) = (tmp_path / "cache").rglob("*.json")
    kept.write_text(content)
    hashed = count_hashes(monkeypatch)
    open_verified(store, "kind/name", tmp_path / "cache")
    assert len(hashed) == 2
    (tmp_path / "file").write_text("")
    open_verified(store, "kind/name", tmp_path / "file" / "cache")
    assert len(hashed) == 4
