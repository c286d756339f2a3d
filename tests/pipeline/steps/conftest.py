"""What tests of steps share: a tokenizer, and a workspace of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.training import pretrained
from runner.training.pretrained_tokenizer import read_tokenizer
from runner.workspace import Workspace


@pytest.fixture(scope="session")
def tokenizer(shared_cache: Path) -> Any:
    return read_tokenizer(pretrained.resolve("runner/tiny-llama", None, shared_cache), "model")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The workspace of a folder that commands are typed in."""
    monkeypatch.chdir(tmp_path)
    return Workspace.below(Path())
