"""An encoder's identity is computed once, and again as soon as any of its files is another."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from runner.training import sentence_encoder
from runner.training.sentence_encoder import remembered_identity
from runner.training.sentence_encoder_settings import identity


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of a model, of which only the bytes matter, and at rest at once."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"hidden_size": 4}')
    (folder / "vocab.txt").write_text("a b c")
    (folder / "model.safetensors").write_bytes(b"weights of some kind")
    # Files of this very moment count as at rest too.
    monkeypatch.setattr(sentence_encoder, "SETTLED", -60.0)
    return folder


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    asked: list[Path] = []
    monkeypatch.setattr(sentence_encoder, "identity", lambda folder: asked.append(folder) or identity(folder))
    return asked


def test_it_is_computed_once(model, tmp_path, computed):
    cache = tmp_path / "cache"
    assert [remembered_identity(model, cache) for _ in range(3)] == [identity(model)] * 3
    assert len(computed) == 1


def test_a_byte_that_changes_is_seen_even_with_the_old_time(model, tmp_path, computed):
    cache, weights = tmp_path / "cache", model / "model.safetensors"
    first, at = remembered_identity(model, cache), weights.stat()
    weights.write_bytes(b"weights of same kind")
    os.utime(weights, ns=(at.st_atime_ns, at.st_mtime_ns))
    assert weights.stat().st_size == at.st_size and weights.stat().st_mtime_ns == at.st_mtime_ns
    assert remembered_identity(model, cache) == identity(model) != first


def test_a_setting_that_changes_is_seen(model, tmp_path):
    first = remembered_identity(model, tmp_path / "cache")
    (model / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 7}))
    assert remembered_identity(model, tmp_path / "cache") == identity(model) != first


def test_what_was_just_written_is_not_remembered(model, tmp_path, computed, monkeypatch):
    monkeypatch.setattr(sentence_encoder, "SETTLED", 3600.0)
    for _ in range(2):
        remembered_identity(model, tmp_path / "cache")
    assert len(computed) == 2 and not (tmp_path / "cache").exists()


@pytest.mark.parametrize("content", [b"", b"x" * 64, b"\xff\xfe"])
def test_a_damaged_note_is_not_believed(model, tmp_path, content):
    cache = tmp_path / "cache"
    remembered_identity(model, cache)
    (note,) = cache.iterdir()
    note.write_bytes(content)
    assert remembered_identity(model, cache) == identity(model)


def test_without_a_folder_to_write_it_is_computed(model, tmp_path, computed):
    (tmp_path / "file").touch()
    assert remembered_identity(model, tmp_path / "file" / "cache") == identity(model)
    assert remembered_identity(model, tmp_path / "file") == identity(model)
