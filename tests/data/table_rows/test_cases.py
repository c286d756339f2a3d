"""Small files that other tools got wrong: what becomes of each, how many rows are left, and what is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.errors import DataError
from tests.data.table_rows.conftest import load

CASES = sorted(path.parent for path in Path(__file__).parent.glob("cases/*/expected.json"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_verdict_the_rows_kept_and_what_is_said(case):
    expected = json.loads((case / "expected.json").read_text())
    classes = expected["kind"] == "tabular_classification"
    if expected["verdict"] == "refuse":
        with pytest.raises(DataError) as refused:
            load(case / "train.csv", expected["target"], classes=classes)
        assert expected["says"] in refused.value.message
        return
    report = load(case / "train.csv", expected["target"], classes=classes).report
    odd = report.warnings or report.rows_dropped or report.rows_changed
    assert ("warn" if odd else "accept") == expected["verdict"]
    assert report.rows_kept == expected["rows_kept"]
    assert report.rows_dropped == expected.get("rows_dropped", {})
    assert expected.get("says", "") in " ".join(report.warnings)
