"""The manifest as a typed document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import IntegrityError, NotFoundError
from runner.store.manifest import NAME, FileRecord, Manifest, seal
from runner.store.replay_lock import Hardware, ReplayLock

#: As the versions before wrote it: every key, in this order.
WRITTEN: dict[str, Any] = {
    "manifest_version": 1,
    "model_type": "kind",
    "name": "näme",
    "version": 3,
    "run": "20260101-000000-x-0000",
    "created": "2026-01-01T00:00:00Z",
    "spec": {"model": {"name": "näme", "spec": {"model_type": "kind", "seed": None}}, "data": {"dataset": "sample"}},
    "parent": None,
    "caveats": ["made from a/b/v1, which is gone"],
    "references": {"base_model": "a/b/v1"},
    "metrics": {"accuracy": 0.5, "n_validation": 10, "log_loss": None},
    "parameters": {"thresholds": {"a": 0.25}},
    "epochs": 2,
    "best_epoch": None,
    "tables": {"leaderboard": [{"model": "x"}], "baselines": {"columns": []}},
    "lock": {
        "spec_hash": "a" * 64,
        "data_fingerprint": "b",
        "seed": 42,
        "device": "cpu",
        "threads": 1,
        "runner": "1.0",
        "code": "c",
        "image": None,
        "image_digest": None,
        "python": "3.11.1",
        "packages": {"numpy": "2.0"},
        "hardware": {"machine": "x86_64", "system": "Linux", "cpus": 2, "memory": 2**33, "gpu": None},
    },
    "files": {"model.json": {"sha256": "d" * 64, "bytes": 8}},
}
LINE = st.text(st.characters(codec="utf-8"), max_size=8)
NUMBERS = st.none() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    NUMBERS | LINE | st.booleans(), lambda inner: st.lists(inner) | st.dictionaries(LINE, inner), max_leaves=4
)
NEWER = st.dictionaries(st.sampled_from(["of_tomorrow", "card"]), JSON)
LOCKS = st.builds(
    ReplayLock,
    packages=st.dictionaries(LINE, LINE),
    hardware=st.builds(Hardware, others=NEWER),
    earlier_data_fingerprints=st.lists(LINE).map(tuple),
    others=NEWER,
)
MANIFESTS = st.builds(
    Manifest,
    run=st.none() | LINE,
    spec=st.dictionaries(LINE, JSON),
    parent=st.none() | LINE,
    caveats=st.lists(LINE).map(tuple),
    references=st.dictionaries(LINE, LINE),
    metrics=st.dictionaries(LINE, NUMBERS),
    parameters=st.dictionaries(LINE, JSON),
    epochs=st.none() | st.integers(0, 9),
    tables=st.dictionaries(LINE, JSON),
    lock=LOCKS,
    files=st.dictionaries(LINE, st.builds(FileRecord, others=st.just({}))),
    others=NEWER,
)


def store(folder: Path, document: Any) -> Path:
    (folder / NAME).write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    return folder


def test_a_stored_manifest_is_written_again_byte_by_byte(tmp_path):
    store(tmp_path, seal(WRITTEN))
    before = (tmp_path / NAME).read_bytes()
    manifest = Manifest.read(tmp_path)
    assert (manifest.epochs, manifest.best_epoch, manifest.bytes) == (2, None, 8)
    assert manifest.lock.hardware.cpus == 2 and manifest.lock.earlier_data_fingerprints == ()
    manifest.write(tmp_path)
    assert (tmp_path / NAME).read_bytes() == before


def test_a_kind_without_parameters_has_no_entry_for_them(tmp_path):
    plain = {key: value for key, value in WRITTEN.items() if key != "parameters"}
    manifest = Manifest.read(store(tmp_path, seal(plain)))
    assert manifest.parameters == {}
    assert list(manifest.to_document()) == [*plain, "sha256"]


@pytest.mark.slow
@pytest.mark.warm
@given(MANIFESTS)
def test_what_is_written_is_read_and_written_the_same(manifest):
    text = json.dumps(seal(manifest.to_document()), ensure_ascii=False)
    again = Manifest.from_document(json.loads(text))
    assert json.dumps(seal(again.to_document()), ensure_ascii=False) == text


@pytest.mark.parametrize("absent", sorted(WRITTEN.keys() - {"model_type", "name", "version", "files"}))
def test_a_manifest_of_an_older_version_is_read(tmp_path, absent):
    older = {key: value for key, value in WRITTEN.items() if key != absent}
    manifest = Manifest.read(store(tmp_path, seal(older)))
    assert manifest.made_from == ([] if absent == "references" else ["a/b/v1"])


def test_what_a_newer_version_wrote_is_kept(tmp_path):
    document = seal(WRITTEN | {"card": {"licence": "MIT"}})
    manifest = Manifest.read(store(tmp_path, document))
    assert manifest.to_document() == document


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"files": None}, "files"),
        ({"files": {"a": {"bytes": 1}}}, "files.a.sha256"),
        ({"version": "3"}, "version"),
        ({"metrics": [1]}, "metrics"),
        ({"lock": {"seed": "x"}}, "lock.seed"),
        ({"references": {"base_model": 1}}, "references.base_model"),
        ({"spec": "elo"}, "spec"),
    ],
)
def test_a_sealed_document_that_is_no_manifest_is_refused_by_its_key(tmp_path, change, where):
    with pytest.raises(IntegrityError, match=f"no manifest of a stored model: {where}: ") as caught:
        Manifest.read(store(tmp_path, seal(WRITTEN | change)))
    assert caught.value.where == str(tmp_path / NAME)


def test_a_changed_manifest_is_refused_and_none_is_not_found(tmp_path):
    with pytest.raises(NotFoundError):
        Manifest.read(tmp_path)
    for damaged in (seal(WRITTEN) | {"epochs": 3}, [], WRITTEN):
        with pytest.raises(IntegrityError, match="changed after") as caught:
            Manifest.read(store(tmp_path, damaged))
        assert caught.value.hint and caught.value.where == str(tmp_path / NAME)


def test_a_parameter_of_a_model_that_was_stored_before_parameters_is_among_its_metrics():
    facts = {"model_type": "k", "name": "n", "version": 1, "files": {}}
    assert Manifest.from_document(facts | {"metrics": {"temperature": 2}}).parameter("temperature") == 2.0
    both = {"metrics": {"temperature": 2}, "parameters": {"temperature": 3.5}}
    assert Manifest.from_document(facts | both).parameter("temperature") == 3.5
    assert Manifest.from_document(facts | {"parameters": {"temperature": True}}).parameter("temperature") is None
