"""The Python of these pages runs as it stands there, one block after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.docs.documents import ROOT, blocks

PAGES = ("generation.md", "step_by_step.md")


@pytest.mark.parametrize("page", PAGES)
def test_the_python_of_a_page_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any):
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "page"}
    written = [block.text for block in blocks(ROOT / "docs" / page) if block.language == "python"]
    assert len(written) > 3
    for text in written:
        exec(compile(text, page, "exec"), names)
    assert capsys.readouterr().out
