"""The tutorial on language models, walked from top to bottom in one folder, as it stands there."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.docs.documents import ROOT, Shell, blocks, walk

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
    (block,) = [block for block in blocks(TUTORIAL) if block.language == "bash"]
    environment = walked.variables | {"DOCKER_HOST": os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")}
    for path in [walked.home, *walked.home.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o444 | (0o111 if path.is_dir() else 0))
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", block.text],
        cwd=walked.home,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert '"completion": "Your parcel is on its way."' in done.stdout


def test_the_tutorial_has_a_walk_at_all():
    assert len([block for block in blocks(TUTORIAL) if block.language == "console"]) >= 6
