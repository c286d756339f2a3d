"""docs/wizard_features.md: each row has a test that is there, and each command and word in it is one."""

from __future__ import annotations

import re

import pytest

from runner.cli.app import VERBS
from runner.wizard.prompt_interface import COMMANDS
from tests.conftest import Desk
from tests.docs.documents import ROOT, table

PAGE = ROOT / "docs" / "wizard_features.md"
ROWS = table(PAGE, "There")
COMMAND = re.compile(r"`runner(?: ([^`]*))?`")
#: What is named of the verbs: flags by verb.
FLAGS = sorted(
    {
        (words.split()[0], flag)
        for row in ROWS
        for words in COMMAND.findall(row[1])
        if words
        for flag in re.findall(r"--[a-z-]+", words)
    }
)


def test_every_row_has_what_is_there_what_is_here_and_a_test():
    assert len(ROWS) >= 25
    assert all(len(row) == 3 and all(row) for row in ROWS)


@pytest.mark.parametrize("tried", sorted({row[2] for row in ROWS}))
def test_the_test_of_a_row_is_there(tried):
    path, name = tried.strip("`").split("::")
    assert f"\ndef {name}(" in (ROOT / path).read_text()


def test_every_word_for_a_prompt_is_one():
    words = {word for row in ROWS for word in re.findall(r"`:([a-z]+)", row[1])}
    assert words and words <= set(COMMANDS)


def test_every_command_has_a_verb_that_there_is():
    verbs = {words.split()[0] for row in ROWS for words in COMMAND.findall(row[1]) if words}
    assert verbs and verbs <= set(VERBS)


@pytest.mark.parametrize("verb", sorted({verb for verb, _ in FLAGS}))
def test_every_flag_of_a_command_is_told_by_its_help(desk: Desk, verb: str):
    told = desk(verb, "--help").ok().out
    assert {flag for at, flag in FLAGS if at == verb} <= set(re.findall(r"--[a-z-]+", told))


def test_the_guide_leads_to_it():
    assert "(wizard_features.md)" in (ROOT / "docs" / "wizard.md").read_text()
