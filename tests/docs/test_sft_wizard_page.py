"""docs/sft_wizard.md: its walks are walked, what it shows is said, its values are computed, its commands are run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from runner.wizard import sft_answers, sft_scenarios
from runner.wizard.sft_defaults import defaults
from runner.workspace import Workspace
from tests.conftest import Desk
from tests.docs.documents import ROOT, Block, blocks, dialogue, files, matches, table
from tests.wizard.answering import Scripted

PAGE = ROOT / "docs" / "sft_wizard.md"
WALKS = [block for block in blocks(PAGE) if block.language == "answers"]
COMMANDS = [
    command
    for row in table(PAGE, "The original")
    for command in re.findall(r"`(runner [^`]*)`", row[2])
    if not command.startswith("runner new")
]


@pytest.fixture
def here(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(desk.home)
    monkeypatch.setenv("NETRC", str(desk.home / "no-netrc"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    for name, text in files(PAGE).items():
        desk.write(name, text)
    return desk


def walked(block: Block) -> Scripted:
    """Answer as a block says, a line for each question, by its key."""
    pairs = [line.partition(":")[::2] for line in block.text.splitlines()]
    asker = Scripted([_answer(key, text.strip()) for key, text in pairs])
    sft_scenarios.walk(asker, Workspace.current())
    assert asker.keys == [key for key, _ in pairs]
    return asker


def _answer(key: str, text: str) -> Any:
    return text in ("yes", "true") if key == "run" else text or None


def test_the_command_that_asks_nothing_prints_what_is_shown(here: Desk):
    (session,) = [block for block in blocks(PAGE) if block.language == "console"]
    for command, shown in dialogue(session):
        done = here(*command.split()[1:]).ok()
        assert matches(shown, done.out), done.out


@pytest.mark.parametrize("block", WALKS, ids=lambda block: block.id)
def test_every_walk_asks_what_the_page_answers_in_its_order(here: Desk, block: Block):
    asker = walked(block)
    assert not asker.refused
    assert (here.home / "sft_train.py").exists()


def test_what_is_said_on_the_way_is_what_the_page_shows(here: Desk):
    asker = walked(WALKS[0])
    (shown,) = [block.text for block in blocks(PAGE) if block.language == "said"]
    said = asker.text.splitlines()
    assert said[: len(shown.splitlines())] == shown.splitlines()


def test_the_values_of_the_page_are_those_of_the_formula():
    for rows, epochs, ratio in table(PAGE, "Rows"):
        found = defaults(int(rows))
        assert (str(found.epochs), f"{found.warmup_ratio:g}") == (epochs, ratio)


@pytest.mark.parametrize("command", [each for each in dict.fromkeys(COMMANDS) if each != "runner doctor"])
@pytest.mark.slow
@pytest.mark.warm
def test_every_command_of_the_table_runs(here: Desk, command: str):
    walked(WALKS[0])
    here(*command.split()[1:]).ok()


def test_the_table_has_a_row_for_each_step_of_the_original():
    rows = table(PAGE, "The original")
    assert len(rows) >= 16
    assert all(len(row) == 3 and all(row) for row in rows)
    keys = {key for row in rows for key in re.findall(r"`([a-z_]+)`", row[2])}
    assert keys - {"runner"} <= sft_answers.KEYS
    assert Path(PAGE).read_text().count("```answers") == 3
