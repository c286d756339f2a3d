"""The guide on outcome matrices, walked from top to bottom in one folder, as it stands there."""

from __future__ import annotations

import shlex
import shutil

import pytest

from runner.cli.app import build
from runner.data.outcomes.outcome_fields import FORMATS
from runner.inference.collecting.backends import read
from tests.docs.documents import ROOT, Shell, blocks, dialogue, files, matches, table

GUIDE = ROOT / "docs" / "routing_from_outcomes.md"


@pytest.mark.slow
def test_every_command_works_in_its_turn_and_prints_what_is_shown(tmp_path):
    shell = Shell.set_up(tmp_path)
    shutil.copytree(ROOT / "examples", shell.home / "examples")
    for name, text in files(GUIDE).items():
        (shell.home / name).write_text(text)
    for block in blocks(GUIDE):
        for command, shown in dialogue(block) if block.language == "console" else ():
            done = shell.run(command)
            assert done.returncode == 0, f"$ {command}\n{done.stdout}"
            assert matches(shown, done.stdout), f"$ {command}\n{done.stdout}\n--- is not what is shown:\n{shown}"
    assert len((shell.home / "routes.jsonl").read_text().splitlines()) == 2


def test_what_is_not_walked_is_read_by_the_program(tmp_path):
    (collecting,) = [block for block in blocks(GUIDE) if block.language == "bash"]
    for line in collecting.text.splitlines():
        words = shlex.split(line)[1:]
        build(words).parse_args(words, print_error=False, exit_on_error=False)
    path = tmp_path / "backends.json"
    path.write_text(files(GUIDE)["backends.json"])
    assert [keyed.backend.name for keyed in read(path, {"LARGE_KEY": "x"})] == ["small", "large"]


def test_every_format_is_told():
    assert {row[0].strip("`") for row in table(GUIDE, "`format`")} | {"auto"} == set(FORMATS)
