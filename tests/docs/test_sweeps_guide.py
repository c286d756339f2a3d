"""The guide on sweeps, walked from top to bottom in one folder, as it stands there."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from runner.sweeps import sweep_checking
from runner.sweeps.journal import TrialState
from runner.sweeps.sweep_fields import Method
from runner.sweeps.sweep_reading import load_sweep_file
from tests.docs.documents import ROOT, table, walk

GUIDE = ROOT / "docs" / "sweeps.md"


@pytest.mark.slow
def test_every_command_works_in_its_turn_and_prints_what_is_shown(tmp_path):
    shell = walk(GUIDE, tmp_path)
    lines = (shell.home / "sweeps" / "trees" / "journal.jsonl").read_text().splitlines()
    ended = [json.loads(line) for line in lines if '"event": "ended"' in line]
    assert [each["state"] for each in ended].count("complete") == 2


def test_every_method_and_every_state_is_told():
    text = GUIDE.read_text()
    assert {row[0].strip("`") for row in table(GUIDE, "`method`")} == set(get_args(Method))
    for state in TrialState:
        assert state in text or state in (TrialState.RUNNING, TrialState.MISSING_METRIC)


@pytest.mark.parametrize("name", ["elo_scoring.json", "sft.json", "tabular_classification.json"])
def test_the_examples_are_right(name):
    sweep_checking.check(load_sweep_file(ROOT / "specs" / "sweeps" / name))
