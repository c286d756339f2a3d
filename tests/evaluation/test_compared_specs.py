"""Which specs can be compared, and with what changes in them."""

from __future__ import annotations

import json

import pytest

from runner.errors import UsageError
from runner.evaluation.compared_specs import Changes, candidates
from runner.spec.checking import load_object
from runner.workspace import Workspace
from tests.conftest import ROOT


@pytest.fixture
def workspace(tmp_path, monkeypatch) -> Workspace:
    monkeypatch.chdir(tmp_path)
    return Workspace.current()


def spec(kind: str, **data: object):
    document = json.loads((ROOT / "specs" / f"{kind}.json").read_text())
    return load_object(document | {"data": document["data"] | data}, f"{kind}.json")


def test_another_table_keeps_the_target(workspace):
    specs = [spec("tabular_classification", target_columns="y", validation_split=0.3)]
    (found,) = candidates(specs, Changes(dataset="other.csv"), workspace)
    assert found.loaded.spec.data.dataset == "other.csv"
    assert found.loaded.spec.data.target_columns == "y"
    assert found.loaded.spec.data.validation_split != 0.3


def test_comparisons_and_tables_are_not_compared(workspace):
    specs = [spec("elo_scoring"), spec("tabular_classification")]
    with pytest.raises(UsageError, match="different kinds of data: comparisons in elo_scoring") as refused:
        candidates(specs, Changes(dataset="sample"), workspace)
    assert "tabular_classification.json (tabular_classification, classification)" in refused.value.message


def test_that_tasks_differ_is_said(workspace):
    specs = [spec("tabular_classification"), spec("tabular_regression")]
    with pytest.raises(UsageError, match="their tasks differ: classification in tabular_classification"):
        candidates(specs, Changes(), workspace)
