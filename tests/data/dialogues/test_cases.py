"""Small files that other tools got wrong: what becomes of each row, and what is said."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from runner.contract import DataReport
from runner.errors import DataError
from tests.data.dialogues.conftest import load_file

CASES = sorted((Path(__file__).parents[1] / "language_cases").glob("*.json"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_the_verdict_the_rows_and_what_is_said(case, tmp_path):
    expected = json.loads(case.read_text(encoding="utf-8"))
    path = tmp_path / expected["file"]
    path.write_bytes(base64.b64decode(expected["base64"]) if "base64" in expected else expected["text"].encode())
    report = DataReport("")
    if expected["verdict"] == "refuse":
        with pytest.raises(DataError) as refused:
            load_file(expected["kind"], path, report)
        said = f"{refused.value.message} {refused.value.hint}"
    else:
        load_file(expected["kind"], path, report)
        odd = report.warnings or report.rows_dropped or report.rows_changed
        assert ("warn" if odd else "accept") == expected["verdict"]
        assert report.rows_kept == expected["rows_kept"]
        assert report.rows_changed == expected["rows_changed"]
        said = " ".join(report.warnings)
    assert report.rows_dropped == expected["rows_dropped"]
    assert report.named == expected["named"]
    for words in expected["says"]:
        assert words in said
