"""An artifact becomes a stored model: by a move where that is possible, and whatever is cut short can be repeated."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from pathlib import Path

import pytest

from runner.errors import EnvironmentProblem, IntegrityError
from runner.store import model_lookup
from runner.store.manifest import ModelFacts, verify
from runner.store.model_storing import check_store, promote

SIZE = 64 * 2**20


class Cut(BaseException):
    """The machine stops here."""


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "r1" / "artifact"
    folder.mkdir(parents=True)
    (folder / "model.json").write_text('{"a": 1}')
    with (folder / "weights.safetensors").open("wb") as file:
        file.truncate(SIZE)
    return folder


def test_a_large_file_is_moved_and_not_copied_and_hashed_once(tmp_path, artifact, monkeypatch):
    before = (artifact / "weights.safetensors").stat().st_ino
    hashed = count_hashes(monkeypatch)
    stored = promote(tmp_path / "store", "kind", "name", artifact, ModelFacts(run="r1"), move=True)
    assert (stored.path / "weights.safetensors").stat().st_ino == before
    assert not artifact.exists()
    assert sorted(hashed) == ["model.json", "weights.safetensors"]
    assert verify(stored.path).files.keys() == {"model.json", "weights.safetensors"}


def test_onto_another_file_system_it_is_copied_and_then_removed(tmp_path, artifact, monkeypatch):
    real = os.rename

    def elsewhere(source: Path, target: Path) -> None:
        if Path(source) == artifact:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        real(source, target)

    monkeypatch.setattr(os, "rename", elsewhere)
    stored = promote(tmp_path / "store", "kind", "name", artifact, ModelFacts(run="r1"), move=True)
    verify(stored.path)
    assert not artifact.exists()


@pytest.mark.parametrize("answer", [errno.EXDEV, errno.ENOSYS, errno.EINVAL, None])
def test_where_the_kernel_cannot_copy_the_bytes_are_copied(tmp_path, artifact, monkeypatch, answer):
    (artifact / "weights.safetensors").write_bytes(os.urandom(100_000))

    def refuse(*_: object) -> int:
        if answer is None:
            return 0
        raise OSError(answer, os.strerror(answer))

    monkeypatch.setattr(os, "copy_file_range", refuse)
    stored = promote(tmp_path / "store", "kind", "name", artifact, ModelFacts(run="r1"))
    assert (stored.path / "weights.safetensors").read_bytes() == (artifact / "weights.safetensors").read_bytes()


@pytest.mark.parametrize("across", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.slow
@pytest.mark.warm
def test_a_cut_at_any_moment_leaves_the_artifact_or_the_model_and_the_repetition_stores_one(
    tmp_path, artifact, monkeypatch, across
):
    real = {name: getattr(os, name) for name in ("rename", "replace", "fsync", "unlink")}
    whole = {path.name: path.stat().st_size for path in artifact.iterdir()}
    for moment in range(100):
        left = moment

        def step(name: str) -> None:
            nonlocal left
            if left == 0:
                raise Cut(name)
            left -= 1

        def cut_off(name: str):
            def call(*words, **options):
                step(name)
                if across and name == "rename" and Path(words[0]) == artifact:
                    raise OSError(errno.EXDEV, "Invalid cross-device link")
                return real[name](*words, **options)

            return call

        store = tmp_path / f"store{moment}"
        here = artifact.parent / "artifact"
        kept = tmp_path / "kept"
        shutil.copytree(here, kept)
        with monkeypatch.context() as patch:
            for name in real:
                patch.setattr(os, name, cut_off(name))
            try:
                promote(store, "kind", "name", here, ModelFacts(run="r1"), move=True)
                over = True
            except Cut:
                over = False
        found = list(model_lookup.listing(store))
        if found:
            verify(found[0].path)
        else:
            assert {path.name: path.stat().st_size for path in here.iterdir() if path.name in whole} == whole
        assert promote(store, "kind", "name", here, ModelFacts(run="r1"), move=True).version == 1
        verify(store / "kind" / "name" / "v1")
        assert len(list(model_lookup.listing(store))) == 1
        if over:
            assert moment > 3
            return
        shutil.rmtree(store)
        shutil.rmtree(here, ignore_errors=True)
        kept.rename(here)
    raise AssertionError("it does not end")


def test_a_file_that_has_another_name_is_stored_as_one_of_its_own(tmp_path, artifact):
    os.link(artifact / "model.json", tmp_path / "other.json")
    stored = promote(tmp_path / "store", "kind", "name", artifact, ModelFacts(run="r1"), move=True)
    (tmp_path / "other.json").write_text("changed")
    verify(stored.path)


@pytest.mark.parametrize(
    "name", ["chat_template.jinja", "README.md", "tokenizer.model", "merges.txt", "vocab.tiktoken", "trees.ubj"]
)
def test_what_the_folder_of_a_language_model_holds_is_stored(tmp_path, artifact, name):
    (artifact / name).write_text("{{ messages }}")
    assert name in promote(tmp_path / "store", "kind", "name", artifact, ModelFacts()).manifest().files


@pytest.mark.parametrize("name", ["pytorch_model.bin", "optimizer.pt", "x.pkl", "x.npy", "x.ckpt", "x.joblib", "x.py"])
def test_files_of_other_kinds_are_refused(tmp_path, artifact, name):
    (artifact / name).write_bytes(b"{}")
    with pytest.raises(IntegrityError, match=name):
        promote(tmp_path / "store", "kind", "name", artifact, ModelFacts())


class Harm:
    def __reduce__(self):
        return print, ("ran",)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("suffix", [".json", ".model", ".safetensors", ".txt"])
def test_a_pickle_under_another_name_is_refused(tmp_path, artifact, protocol, suffix):
    import pickle

    (artifact / f"x{suffix}").write_bytes(pickle.dumps(Harm(), protocol))
    with pytest.raises(IntegrityError, match="pickle"):
        promote(tmp_path / "store", "kind", "name", artifact, ModelFacts())


def test_a_weight_file_whose_header_begins_like_a_pickle_is_no_pickle(tmp_path, artifact):
    header = b"{" + b" " * 0x27F
    (artifact / "x.safetensors").write_bytes((0x280).to_bytes(8, "little") + header)
    assert (artifact / "x.safetensors").read_bytes()[:2] == b"\x80\x02"
    promote(tmp_path / "store", "kind", "name", artifact, ModelFacts())


def test_a_store_that_cannot_be_written_is_told_before_anything_is_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentProblem, match="cannot write"):
        check_store(tmp_path / "file", "kind", "name")
    check_store(tmp_path / "store", "kind", "name")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_full_store_is_told_before_anything_is_made(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EnvironmentProblem, match="disk is full"):
        check_store(tmp_path / "store", "kind", "name")


def count_hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are hashed from here on."""
    hashed: list[str] = []
    real = hashlib.file_digest

    def counting(file, *words):
        hashed.append(Path(file.name).name)
        return real(file, *words)

    monkeypatch.setattr(hashlib, "file_digest", counting)
    return hashed
