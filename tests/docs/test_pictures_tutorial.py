"""The tutorial on pictures, walked from top to bottom in one folder, as it stands there."""

from __future__ import annotations

import json

import pytest

from tests.docs.documents import ROOT, Shell, blocks, in_container, walk

TUTORIAL = ROOT / "docs" / "tutorial_pictures.md"


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Every console block was typed, in order, and printed what is shown below it."""
    return walk(TUTORIAL, tmp_path_factory.mktemp("walk"))


@pytest.mark.slow
def test_every_command_works_in_its_turn_and_prints_what_is_shown(walked: Shell):
    from PIL import Image

    (found,) = json.loads((walked.home / "found.json").read_text())["predictions"]
    assert found["boxes"]
    drawn = Image.open(walked.home / "drawn" / "00001-marked-shapes-01.png").convert("RGB")
    plain = Image.open(walked.home / "marked" / "shapes-01.png").convert("RGB")
    assert drawn.size == plain.size
    assert drawn.tobytes() != plain.tobytes()


@pytest.mark.slow
@pytest.mark.docker
def test_a_container_trains_and_answers_as_the_commands_here_did(walked: Shell, engine: object):
    answered = in_container(walked, TUTORIAL)
    assert json.loads(answered.splitlines()[-1])["label"] in ("circle", "square", "triangle")


def test_the_tutorial_has_a_walk_at_all():
    assert len([block for block in blocks(TUTORIAL) if block.language == "console"]) >= 5
