"""The guide on outcome matrices, walked from top to bottom in one folder, as it stands there."""

from __future__ import annotations

import shlex

import pytest

from runner.chat.endpoints.backends import read
from runner.cli.app import build
from runner.data.outcomes.outcome_fields import FORMATS
from tests.docs.documents import ROOT, blocks, files, table, walk

GUIDE = ROOT / "docs" / "routing_from_outcomes.md"


@pytest.mark.slow
def test_every_command_works_in_its_turn_and_prints_what_is_shown(tmp_path):
    shell = walk(GUIDE, tmp_path)
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
