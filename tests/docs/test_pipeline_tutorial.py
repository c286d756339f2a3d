"""The tutorial on pipelines, walked from top to bottom in one folder, as it stands there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.pipeline.loading import load
from tests.docs.documents import ROOT, files, walk

TUTORIAL = ROOT / "docs" / "tutorial_pipeline.md"


@pytest.mark.slow
def test_every_command_works_in_its_turn_and_prints_what_is_shown(tmp_path: Path) -> None:
    walked = walk(TUTORIAL, tmp_path)
    lock = json.loads((walked.home / "models/sft/tutor/v1/manifest.json").read_text())["lock"]["pipeline"]
    assert [step["verb"] for step in lock["steps"]] == ["process", "dedupe", "split", "style"]
    assert (walked.home / "pipelines/tutor/pipeline.html").is_file()


def test_the_document_is_a_valid_pipeline() -> None:
    pipeline = load(files(TUTORIAL)["tutor.json"], "tutor.json")
    assert [step.verb for step in pipeline.steps] == ["process", "dedupe", "split", "style", "train", "evaluate"]
