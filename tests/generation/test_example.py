"""The example, in this process: it is seconds of imports otherwise."""

from __future__ import annotations

import runpy

import pytest

from tests.conftest import ROOT


def test_the_example_runs(monkeypatch: pytest.MonkeyPatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(ROOT / "examples" / "completers.py"))["main"]("runner/tiny-llama")
    said = capsys.readouterr().out
    assert "3 drafts" in said and "interrupted" in said and "2 turns" in said
