"""A spec's paths are absolute in the run; names stay names."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.data.comparisons.section import ComparisonsData
from runner.data.table_rows.section import ClassesData
from runner.execution.resolved_paths import resolve_paths
from runner.spec.loading import load_file
from tests.conftest import ROOT


@pytest.mark.parametrize("path", sorted((ROOT / "specs").glob("*.json")), ids=lambda path: path.stem)
def test_an_example_names_no_path_of_this_machine(path):
    spec = load_file(path).spec
    assert resolve_paths(spec, Path("/anywhere")) is spec


def test_files_count_from_the_folder_and_the_home_of_who_types(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    there = Path("/work")
    assert ComparisonsData(dataset="a/b.csv").resolved(there).dataset == "/work/a/b.csv"
    assert ComparisonsData(dataset="~/b.csv").resolved(there).dataset == "/home/ada/b.csv"
    table = ClassesData(dataset="rows/*.csv", validation_data="/data/held.csv").resolved(there)
    assert (table.dataset, table.validation_data) == ("/work/rows/*.csv", "/data/held.csv")
    assert ClassesData(dataset="iris").resolved(there).dataset == "iris"
