"""What several stored models hold is on the disk once, and each folder is whole by itself."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import time
from pathlib import Path

import pytest

from runner.errors import IntegrityError
from runner.store.manifest import ModelFacts, verify
from runner.store.model_lookup import StoredModel, open_verified
from runner.store.model_storing import promote
from tests.conftest import Desk
from tests.store.test_model_storing import count_hashes

ENCODER = bytes(range(256)) * 2**12
WEIGHTS = Path("encoder") / "model.safetensors"


def artifact(folder: Path, encoder: bytes = ENCODER) -> Path:
    """A small network of its own, and an encoder of 1 MiB that others have too."""
    (folder / "encoder").mkdir(parents=True)
    (folder / WEIGHTS).write_bytes(encoder)
    (folder / "encoder" / "config.json").write_text("{}")
    (folder / "network.safetensors").write_bytes(os.urandom(20_000))
    return folder


def stored(folder: Path, name: str, *, move: bool = True, encoder: bytes = ENCODER, **options: object) -> StoredModel:
    made = artifact(folder / "runs" / name / "artifact", encoder)
    return promote(folder / "store", "kind", name, made, ModelFacts(run=name), move=move, **options)


def blocks(folder: Path) -> int:
    """What a folder takes on the disk, bytes, as ``du`` counts: every inode once."""
    inodes = {(at.st_dev, at.st_ino): at.st_blocks * 512 for at in (path.lstat() for path in folder.rglob("*"))}
    return sum(inodes.values())


@pytest.mark.parametrize("move", [True, False])
def test_twenty_models_with_one_encoder_have_it_once(tmp_path, move):
    models = [stored(tmp_path, f"m{number}", move=move) for number in range(20)]
    assert len({(model.path / WEIGHTS).stat().st_ino for model in models}) == 1
    assert blocks(tmp_path / "store") < len(ENCODER) + 20 * 100_000
    for model in models:
        assert verify(model.path).files[WEIGHTS.as_posix()].bytes == len(ENCODER)
        # Nobody writes it; a container's user can read it.
        assert stat.S_IMODE((model.path / WEIGHTS).stat().st_mode) == 0o444
        assert (model.path / "network.safetensors").stat().st_nlink == 1
        assert sorted(path.name for path in model.path.iterdir()) == ["encoder", "manifest.json", "network.safetensors"]
    if move:
        assert not [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]


def test_a_model_that_goes_leaves_the_others_whole(tmp_path):
    first, second = stored(tmp_path, "first"), stored(tmp_path, "second")
    shutil.rmtree(first.path)
    verify(second.path)
    assert (second.path / WEIGHTS).stat().st_nlink == 1
    third = stored(tmp_path, "third")
    assert (third.path / WEIGHTS).samefile(second.path / WEIGHTS)


def test_an_encoder_with_other_bytes_is_its_own(tmp_path):
    first, second = stored(tmp_path, "first"), stored(tmp_path, "second", encoder=ENCODER[::-1])
    assert not (first.path / WEIGHTS).samefile(second.path / WEIGHTS)


def test_a_file_that_was_changed_is_linked_by_nobody_and_found_in_every_model_that_holds_it(tmp_path):
    first, second = stored(tmp_path, "first"), stored(tmp_path, "second")
    place = first.path / WEIGHTS
    place.chmod(0o644)
    with place.open("r+b") as file:
        file.write(b"other")
    for model in (first, second):
        with pytest.raises(IntegrityError, match="checksum"):
            open_verified(tmp_path / "store", model.reference, tmp_path / "cache")
    third = stored(tmp_path, "third")
    verify(third.path)
    assert (third.path / WEIGHTS).stat().st_nlink == 1


@pytest.mark.parametrize("answer", [errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOTSUP])
def test_where_no_link_can_be_made_it_is_a_copy_and_that_is_said(tmp_path, monkeypatch, answer):
    stored(tmp_path, "first")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(answer, os.strerror(answer))

    monkeypatch.setattr(os, "link", refuse)
    told: list[str] = []
    second = stored(tmp_path, "second", say=told.append)
    verify(second.path)
    (sentence,) = told
    assert "encoder/model.safetensors of kind/second/v1 (1.0 MiB) is on the disk once more" in sentence
    assert os.strerror(answer).lower() in sentence


def test_a_holder_that_is_removed_at_that_moment_is_passed_over(tmp_path, monkeypatch):
    first = stored(tmp_path, "first")
    real = os.link

    def gone(source: Path, target: Path, **options: object) -> None:
        shutil.rmtree(first.path, ignore_errors=True)
        real(source, target, **options)

    monkeypatch.setattr(os, "link", gone)
    told: list[str] = []
    verify(stored(tmp_path, "second", say=told.append).path)
    assert told == []


def test_a_store_that_was_copied_without_its_links_gets_them_back(tmp_path):
    """The command, in the folder of such a store; one model's copy is damaged, and nobody links to that."""
    models = [stored(tmp_path, f"m{number}") for number in range(4)]
    desk = Desk(tmp_path)
    shutil.copytree(tmp_path / "store", tmp_path / "models")
    here = [tmp_path / "models" / model.path.relative_to(tmp_path / "store") for model in models]
    (here[0] / WEIGHTS).chmod(0o644)
    (here[0] / WEIGHTS).write_bytes(ENCODER[::-1])
    before = blocks(tmp_path / "models")
    shown = desk("models", "deduplicate").ok().out
    assert "--yes makes links of 3 copies in 4 models: 3.0 MiB are free then" in shown
    assert blocks(tmp_path / "models") == before
    done = desk("models", "deduplicate", "--yes", "--json").ok().json
    assert (done["done"], done["files"], done["refused"]) == (True, 3, [])
    assert before - blocks(tmp_path / "models") == done["bytes"] == 3 * len(ENCODER)
    assert len({(folder / WEIGHTS).stat().st_ino for folder in here}) == 1
    assert desk("models", "--verify").code == 0
    assert "no file is in the store twice" in desk("models", "deduplicate").ok().out


class Cut(BaseException):
    """The machine stops here."""


@pytest.mark.parametrize("where", ["link", "replace", "unlink", "chmod"])
def test_a_cut_leaves_a_whole_model_and_the_repetition_links_it(tmp_path, monkeypatch, where):
    first = stored(tmp_path, "first")
    home = tmp_path / "store" / "kind" / "second"
    real = getattr(os, where)

    def cut(*words: object, **options: object) -> object:
        if (home / "v1" / "manifest.json").exists():
            raise Cut(where)
        return real(*words, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, where, cut)
        with pytest.raises(Cut):
            stored(tmp_path, "second")
    verify(home / "v1")
    again = promote(tmp_path / "store", "kind", "second", tmp_path / "gone", ModelFacts(run="second"), move=True)
    assert again.version == 1
    assert verify(again.path)
    assert (again.path / WEIGHTS).samefile(first.path / WEIGHTS)
    assert (again.path / WEIGHTS).stat().st_nlink == 2


def test_a_file_that_got_another_name_is_hashed_once_for_all_models_that_hold_it(tmp_path, monkeypatch):
    models = [stored(tmp_path, name) for name in ("first", "second", "third")]
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 3600)
    hashed = count_hashes(monkeypatch)
    for _ in range(2):
        for model in models:
            open_verified(tmp_path / "store", model.reference, tmp_path / "cache")
    assert hashed.count("model.safetensors") == 1
    os.link(models[0].path / WEIGHTS, tmp_path / "another-name")
    for model in models:
        open_verified(tmp_path / "store", model.reference, tmp_path / "cache")
    assert hashed.count("model.safetensors") == 2
