"""The store: names, promotion, checking."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import ConflictError, EnvironmentProblem, IntegrityError, NotFoundError, UsageError
from runner.store import model_lookup
from runner.store.manifest import ModelFacts, seal, verify
from runner.store.model_storing import promote
from runner.store.names import name_fault, parse_reference


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    folder = tmp_path / "artifact"
    (folder / "encoder").mkdir(parents=True)
    (folder / "model.json").write_text('{"a": 1}')
    (folder / "encoder" / "weights.safetensors").write_bytes(bytes(100))
    return folder


@given(st.text(max_size=200))
def test_a_good_name_is_one_folder_and_a_bad_one_is_refused(name):
    if name_fault(name) is None:
        assert Path("/store", name).parent == Path("/store")
        assert name not in (".", "..")
        assert not name.startswith(("-", "."))
        assert str(parse_reference(name)) == name
    elif "/" not in name:
        with pytest.raises(UsageError):
            parse_reference(name)


@pytest.mark.parametrize(
    "reference", ["", "/", "a/", "/a", "../x", "a/../b", "a/b/3", "a/b/v0", "a/b/v1/c", "-a", "a\\b", "a\x00b", "a\nb"]
)
def test_what_is_no_reference_is_refused(reference):
    with pytest.raises(UsageError):
        parse_reference(reference)


def test_promotion_stores_every_file_with_its_checksum_and_counts_versions(tmp_path, artifact):
    store = tmp_path / "store"
    first = promote(store, "kind", "name", artifact, ModelFacts(run="r1"))
    second = promote(store, "kind", "name", artifact, ModelFacts(run="r2"))
    assert (first.reference, second.reference) == ("kind/name/v1", "kind/name/v2")
    manifest = verify(first.path)
    assert set(manifest.files) == {"model.json", "encoder/weights.safetensors"}
    assert model_lookup.find(store, "kind/name").version == 2
    assert model_lookup.find(store, "kind/name/v1").version == 1
    assert model_lookup.find(store, "name").model_type == "kind"
    assert [model.reference for model in model_lookup.listing(store)] == ["kind/name/v1", "kind/name/v2"]


def test_a_model_that_a_private_file_went_into_is_readable_by_others(tmp_path, artifact):
    (artifact / "model.json").chmod(0o600)
    (artifact / "encoder").chmod(0o700)
    stored = promote(tmp_path / "store", "kind", "name", artifact, ModelFacts())
    assert all(path.stat().st_mode & 0o044 for path in stored.path.rglob("*"))


def test_promoting_one_run_twice_gives_the_same_version(tmp_path, artifact):
    store = tmp_path / "store"
    first = promote(store, "kind", "name", artifact, ModelFacts(run="r1"))
    assert promote(store, "kind", "name", artifact, ModelFacts(run="r1")) == first
    assert len(model_lookup.versions(store, "kind", "name")) == 1


def _promote(store: Path, artifact: Path, run: str) -> None:
    promote(store, "kind", "name", artifact, ModelFacts(run=run))


@pytest.mark.slow
@pytest.mark.warm
def test_promotions_at_the_same_time_get_versions_of_their_own(tmp_path, artifact):
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_promote, args=(tmp_path / "store", artifact, f"r{n}")) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(300)
    found = model_lookup.versions(tmp_path / "store", "kind", "name")
    assert [model.version for model in found] == [1, 2, 3, 4]
    assert {verify(model.path).run for model in found} == {"r0", "r1", "r2", "r3"}


@pytest.mark.parametrize("moment", ["copy_file_range", "fsync", "rename"])
def test_a_promotion_that_fails_half_way_leaves_no_model_and_can_be_repeated(tmp_path, artifact, monkeypatch, moment):
    store = tmp_path / "store"

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, moment, full)
        with pytest.raises(EnvironmentProblem, match="disk is full"):
            promote(store, "kind", "name", artifact, ModelFacts(run="r1"))
    assert list(model_lookup.listing(store)) == []
    with pytest.raises(NotFoundError):
        model_lookup.find(store, "kind/name")
    assert promote(store, "kind", "name", artifact, ModelFacts(run="r1")).version == 1


def test_an_artifact_with_a_pickle_or_a_link_is_not_stored(tmp_path, artifact):
    (artifact / "weights.pkl").write_bytes(b"\x80\x04N.")
    with pytest.raises(IntegrityError, match=r"weights\.pkl"):
        promote(tmp_path / "store", "kind", "name", artifact, ModelFacts())
    (artifact / "weights.pkl").unlink()
    (artifact / "link.json").symlink_to("/etc/passwd")
    with pytest.raises(IntegrityError, match=r"link\.json"):
        promote(tmp_path / "store", "kind", "name", artifact, ModelFacts())
    assert list(model_lookup.listing(tmp_path / "store")) == []


def _change(folder: Path, how: str) -> str:
    file, manifest = folder / "model.json", folder / "manifest.json"
    document = json.loads(manifest.read_text())
    if how == "byte":
        file.write_text('{"a": 2}')
    elif how == "missing":
        file.unlink()
    elif how == "extra":
        (folder / "more.json").write_text("{}")
        return "more.json"
    elif how == "checksum rewritten in the manifest":
        document["files"]["model.json"]["sha256"] = "0" * 64
        manifest.write_text(json.dumps(document))
        return "manifest.json"
    elif how == "metrics rewritten":
        document["metrics"] = {"accuracy": 1.0}
        manifest.write_text(json.dumps(document))
        return "manifest.json"
    elif how == "manifest cut":
        manifest.write_bytes(manifest.read_bytes()[:-20])
        return "manifest.json"
    return "model.json"


@pytest.mark.parametrize(
    "how", ["byte", "missing", "extra", "checksum rewritten in the manifest", "metrics rewritten", "manifest cut"]
)
def test_a_changed_model_is_refused_and_the_file_named(tmp_path, artifact, how):
    stored = promote(tmp_path / "store", "kind", "name", artifact, ModelFacts(run="r1"))
    named = _change(stored.path, how)
    with pytest.raises(IntegrityError) as caught:
        model_lookup.open_verified(tmp_path / "store", "kind/name")
    assert named in caught.value.where


def test_a_model_moved_to_another_name_is_refused(tmp_path, artifact):
    store = tmp_path / "store"
    promote(store, "kind", "good", artifact, ModelFacts(run="r1"))
    shutil.copytree(store / "kind" / "good", store / "kind" / "other")
    with pytest.raises(ConflictError, match="kind/good/v1"):
        model_lookup.open_verified(store, "kind/other")


def test_what_is_not_there_is_said_with_what_is_near(tmp_path, artifact):
    store = tmp_path / "store"
    promote(store, "kind", "quickstart", artifact, ModelFacts(run="r1"))
    with pytest.raises(NotFoundError) as caught:
        model_lookup.find(store, "kind/quikstart")
    assert "kind/quickstart" in caught.value.hint
    with pytest.raises(NotFoundError) as caught:
        model_lookup.find(store, "kind/quickstart/v7")
    assert "v1" in caught.value.hint
    promote(store, "other", "quickstart", artifact, ModelFacts(run="r2"))
    with pytest.raises(ConflictError, match="2 stored models"):
        model_lookup.find(store, "quickstart")


def test_sealing_is_stable():
    once = seal({"a": 1, "b": [1.5, None]})
    assert seal(once) == once
