"""docs/data_steps.md, walked from top to bottom in one folder, as it stands there."""

from __future__ import annotations

import json

import pytest

from runner.pipeline.steps import STEPS
from runner.pipeline.steps.processing import ASSISTANT, SYSTEM, USER
from tests.docs.documents import ROOT, blocks, table, walk

PAGE = ROOT / "docs" / "data_steps.md"


@pytest.mark.slow
@pytest.mark.warm
def test_every_command_works_in_its_turn_and_prints_what_is_shown(tmp_path):
    walked = walk(PAGE, tmp_path)
    (stored,) = walked.home.glob("models/sft/tutor/v1/manifest.json")
    assert len(json.loads(stored.read_text())["lock"]["prepared"]["dataset"]["steps"]) == 4


def test_the_page_names_every_step_and_every_column():
    assert sorted(name.strip("`") for name, _ in table(PAGE, "Step")) == sorted(STEPS)
    text = PAGE.read_text("utf-8")
    assert all(f"`{name}`" in text for name in (*USER, *ASSISTANT, *SYSTEM))
    assert len([block for block in blocks(PAGE) if block.language == "console"]) >= 8
