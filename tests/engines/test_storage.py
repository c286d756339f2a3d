"""What a run's directory asks of a storage, of a shared folder and of objects alike."""

from __future__ import annotations

import errno
import os
import secrets
import sys

import pytest

from runner.engines import remote_checkpoints, storage, whole_folders
from runner.engines.followed_words import Place, pieces
from runner.engines.object_storage import ObjectStorage
from runner.engines.run_root import RunRoot, open_run
from runner.engines.storage import FolderStorage, Storage, age, need_exclusive, open_storage
from runner.errors import EnvironmentProblem, IntegrityError, NotFoundError, UsageError
from tests.engines.local_runs import checkpoint


@pytest.fixture(params=["folder", "objects"])
def place(request, tmp_path) -> Storage:
    if request.param == "folder":
        return FolderStorage(tmp_path / "root")
    import fsspec

    prefix = f"bucket-{secrets.token_hex(4)}/runs"
    return ObjectStorage(fsspec.filesystem("memory"), prefix, f"memory://{prefix}")


def test_a_file_is_made_once_and_read_whole(place, tmp_path):
    assert place.read("a/b") is None and place.changed("a/b") is None and age(place, "a/b") is None
    assert place.create("a/b", b"first")
    assert not place.create("a/b", b"second")
    assert place.read("a/b") == b"first"
    place.write("a/b", b"third")
    assert place.read("a/b") == b"third"
    assert 0 <= age(place, "a/b") < 60
    assert place.names("a") == ["b"] and place.names("none") == []
    place.within("a").write("c/d", b"4")
    assert place.tree("a") == ["a/b", "a/c/d"] and place.tree("none") == []
    assert place.get_file("a/c/d", tmp_path / "here" / "d")
    assert (tmp_path / "here" / "d").read_bytes() == b"4"
    assert not place.get_file("a/none", tmp_path / "none") and not (tmp_path / "none").exists()
    place.put_file(tmp_path / "here" / "d", "e")
    assert place.read("e") == b"4"
    place.remove("a")
    place.remove("a")
    assert place.tree("") == ["e"]
    need_exclusive(place)


def test_a_folder_without_hard_links_makes_a_file_once_all_the_same(tmp_path, monkeypatch):
    def link(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", link)
    place = FolderStorage(tmp_path)
    assert place.create("a", b"first") and not place.create("a", b"second")
    assert place.read("a") == b"first" and place.names("") == ["a"]


def test_a_storage_that_went_away_may_come_back(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(EnvironmentProblem) as refused:
        FolderStorage(tmp_path / "file").write("a", b"1")
    assert refused.value.retryable

    class Away:
        def __getattr__(self, name: str) -> object:
            raise RuntimeError("no route to host")

    with pytest.raises(EnvironmentProblem, match="no route to host") as refused:
        ObjectStorage(Away(), "bucket", "s3://bucket").read("a")
    assert refused.value.retryable and refused.value.where == "s3://bucket/a"


def test_addresses(tmp_path, monkeypatch):
    assert open_storage(f"file://{tmp_path}").address == str(tmp_path)
    run = open_run(f"{tmp_path}/runs/elo-1/")
    assert (run.id, run.address) == ("elo-1", f"{tmp_path}/runs/elo-1")
    with pytest.raises(NotFoundError):
        run.need()
    for wrong in ("elo-1", "s3://bucket"):
        with pytest.raises(UsageError):
            open_run(wrong)
    with pytest.raises(UsageError, match="ftp://") as refused:
        open_storage("ftp://host/runs")
    assert refused.value.where == "/run/engine/root"
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(EnvironmentProblem, match="s3fs") as refused:
        open_storage("s3://bucket/runs")
    assert "runner[s3]" in refused.value.hint


def test_a_folder_is_whole_or_it_is_none(place, tmp_path):
    made, here = tmp_path / "made", tmp_path / "here"
    (made / "deep").mkdir(parents=True)
    (made / "deep" / "a").write_bytes(b"one")
    digest = whole_folders.put(place, made, "it")
    whole_folders.get(place, "it", here, expected=digest)
    assert (here / "deep" / "a").read_bytes() == b"one" and not (here / whole_folders.MANIFEST).exists()
    with pytest.raises(IntegrityError, match="not the manifest"):
        whole_folders.get(place, "it", here, expected="0" * 64)
    place.write("it/deep/a", b"two")
    with pytest.raises(IntegrityError, match="checksum"):
        whole_folders.get(place, "it", here)
    place.remove("it/deep/a")
    with pytest.raises(IntegrityError, match="missing"):
        whole_folders.get(place, "it", here)
    place.remove(f"it/{whole_folders.MANIFEST}")
    with pytest.raises(IntegrityError, match="no manifest"):
        whole_folders.get(place, "it", here)
    place.write(f"it/{whole_folders.MANIFEST}", b'{"files": {"../out": {"size": 3, "sha256": "0"}}}')
    with pytest.raises(IntegrityError, match="outside its folder"):
        whole_folders.get(place, "it", here)


def test_the_newest_whole_checkpoint_is_brought_of_each_stage(place, tmp_path):
    root = RunRoot(place, "elo-1")
    for step, stage in ((1, ""), (2, ""), (3, ""), (7, "reward")):
        made = checkpoint(tmp_path / "made", step, stage)
        remote_checkpoints.put(root, stage, made, 1, tmp_path / "scratch", lambda: None)
    names = root.storage.names("checkpoints")
    assert names == ["0000000002.0001", "0000000003.0001", "reward"]
    root.storage.write("checkpoints/0000000003.0001/state.json", b"{}")
    root.storage.write("checkpoints/0000000004.0002/state.json", b"half")
    said: list[str] = []
    run = tmp_path / "run"
    brought = remote_checkpoints.bring(root, run, said.append)
    assert brought == ["checkpoints/0000000002.0001", "checkpoints/reward/0000000007.0001"]
    assert [text.split(":")[0].split()[-1] for text in said] == [
        "checkpoints/0000000004.0002",
        "checkpoints/0000000003.0001",
    ]
    found = remote_checkpoints.local_checkpoints(run)
    assert {stage: path.name for stage, path in found.items()} == {"": "0000000002", "reward": "0000000007"}
    assert remote_checkpoints.upload_seconds(root) is not None


def test_words_are_read_by_offset_and_over_attempts(place):
    root = RunRoot(place, "elo-1")
    root.claim(1, "a", at=0.0)
    root.storage.write("attempts/0001/log/000000000000", b"one ")
    root.storage.write("attempts/0001/log/000000000004", b"two ")
    read = list(pieces(root, "log", Place()))
    assert [data for data, _ in read] == [b"one ", b"two "]
    place_after = read[-1][1]
    assert list(pieces(root, "log", place_after)) == []
    root.claim(2, "b", at=0.0)
    root.storage.write("attempts/0002/log/000000000000", b"three")
    assert b"".join(data for data, _ in pieces(root, "log", place_after)) == b"three"
    assert list(pieces(root, "log", place_after))[-1][1] == Place(attempt=2, offset=5)
    assert b"".join(data for data, _ in pieces(root, "log", Place())) == b"one two three"


def test_a_storage_whose_probe_is_lost_is_refused(tmp_path, monkeypatch):
    """One that says yes and keeps nothing."""
    place = FolderStorage(tmp_path)
    monkeypatch.setattr(place, "read", lambda key: None)
    with pytest.raises(EnvironmentProblem, match="lets two make"):
        storage.need_exclusive(place)


def test_a_document_that_is_none_is_told(place):
    root = RunRoot(place, "elo-1")
    root.storage.write("DONE.json", b"[1]")
    with pytest.raises(IntegrityError, match="not a JSON object"):
        root.done()
    root.storage.write("DONE.json", b"{")
    with pytest.raises(IntegrityError, match="not a JSON document"):
        root.done()
    root.storage.write("DONE.json", b'{"attempt": "one"}')
    with pytest.raises(IntegrityError, match="not what was written"):
        root.done()
