"""The tutorial on language models, walked from top to bottom in one folder, as it stands there."""

from __future__ import annotations

import pytest

from tests.docs.documents import ROOT, Shell, blocks, in_container, walk

TUTORIAL = ROOT / "docs" / "tutorial_language.md"


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Every console block was typed, in order, and printed what is shown below it."""
    return walk(TUTORIAL, tmp_path_factory.mktemp("walk"))


@pytest.mark.slow
def test_every_command_works_in_its_turn_and_prints_what_is_shown(walked: Shell):
    assert (walked.home / "comparison" / "comparison.html").stat().st_size > 100
    adapter = walked.home / "models" / "sft" / "desk-adapter" / "v1"
    assert (adapter / "adapter_model.safetensors").is_file()
    assert "`sft/desk/v1` below the folder of stored models" in (adapter / "README.md").read_text()


@pytest.mark.slow
@pytest.mark.docker
def test_a_container_trains_and_answers_as_the_commands_here_did(walked: Shell, engine: object):
    assert '"completion": "Your parcel is on its way."' in in_container(walked, TUTORIAL)


def test_the_tutorial_has_a_walk_at_all():
    assert len([block for block in blocks(TUTORIAL) if block.language == "console"]) >= 6
