"""The tutorial, walked from top to bottom in one folder, as it stands there."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs.documents import ROOT, Shell, blocks, dialogue, files, matches

TUTORIAL = ROOT / "docs" / "tutorial.md"


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Every console block was typed, in order, and printed what is shown below it."""
    shell = Shell.set_up(tmp_path_factory.mktemp("walk"))
    shutil.copytree(ROOT / "examples", shell.home / "examples")
    for name, text in files(TUTORIAL).items():
        (shell.home / name).write_text(text)
    for block in blocks(TUTORIAL):
        if block.language != "console":
            continue
        for command, shown in dialogue(block):
            done = shell.run(command)
            assert done.returncode == 0, f"$ {command}\n{done.stdout}"
            assert matches(shown, done.stdout), f"$ {command}\n{done.stdout}\n--- is not what is shown:\n{shown}"
    return shell


@pytest.mark.slow
def test_every_command_works_in_its_turn_and_prints_what_is_shown(walked: Shell):
    for name in ("comparison/comparison.html", "routing.html", "routes.jsonl", "routes.provenance.json"):
        assert (walked.home / name).stat().st_size > 100
    assert len((walked.home / "routes.jsonl").read_text().splitlines()) == 5


@pytest.mark.slow
@pytest.mark.docker
def test_the_container_at_its_end_chooses_as_the_command_here_did(walked: Shell, engine: object):
    (block,) = [block for block in blocks(TUTORIAL) if block.language == "bash"]
    environment = walked.variables | {"DOCKER_HOST": os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")}
    for path in [walked.home, *walked.home.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o444 | (0o111 if path.is_dir() else 0))
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", block.text], cwd=walked.home, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    here = (walked.home / "routes.jsonl").read_text()
    assert [chosen(line) for line in done.stdout.splitlines()] == [chosen(line) for line in here.splitlines()]


def chosen(line: str) -> str:
    import json

    return json.loads(line)["model"]


def test_the_tutorial_has_a_walk_at_all():
    assert len([block for block in blocks(TUTORIAL) if block.language == "console"]) >= 6
    assert Path(TUTORIAL).is_file()
