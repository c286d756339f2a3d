"""The page on pipelines: its table of a Makefile's targets and variables is whole, and every command in it is one."""

from __future__ import annotations

import re
import shlex

import pytest

from runner.cli.app import build
from runner.pipeline.document import verbs
from runner.pipeline.steps import STEPS
from tests.conftest import Desk
from tests.docs.documents import ROOT, table

PAGE = ROOT / "docs" / "pipeline.md"
#: Every target of that Makefile, its scripts, and its variables.
TARGETS = (
    "help install install-constrained setup-dirs download-model setup-accelerate print-python check process style "
    "render full-pipeline dapt-docx train train-bnb train-unsloth train-with-tb train-bnb-tb train-unsloth-tb "
    "train-and-watch dapt-train train-distributed train-distributed-tb train-deepspeed train-deepspeed-tb "
    "train-embed train-embed-tb tensorboard tb tb-stop stop-tb tb-clean tb-open eval eval-val eval-test eval-quick "
    "eval-full eval-embed infer infer-interactive infer-batch infer-embed merge merge-bf16 merge-test gpu-info "
    "memory-check test clean "
)
SCRIPTS = {"workflows/quick_start.sh", "workflows/batch_process.sh"}
VARIABLES = {"CONFIG", "STYLE", "TB_PORT", "TB_LOGDIR", "MODEL", "LOCAL", "EMBED_CONFIG", "PYTHON"}
ROWS = [*table(PAGE, "Target"), *table(PAGE, "Variable")]
COMMANDS = sorted({command for row in ROWS for command in re.findall(r"`(runner [^`]+)`", row[1])})
#: Those that need no data, no model and no engine.
RUN_HERE = {
    "runner --help",
    "runner --version",
    "runner train --help",
    "runner runs list",
    "runner runs prune --older-than 30d",
    "runner clean",
}


def test_the_table_has_every_target_and_every_variable() -> None:
    named = {word for row in table(PAGE, "Target") for word in re.findall(r"`make ([\w-]+)", row[0])}
    assert named == set(TARGETS.split())
    assert {row[0].strip("`") for row in table(PAGE, "Target") if "workflows" in row[0]} == SCRIPTS
    assert {row[0].strip("`") for row in table(PAGE, "Variable")} == VARIABLES
    assert all(re.search(r"`(runner|make)[ `]", row[1]) for row in ROWS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_one(command: str) -> None:
    words = shlex.split(command)[1:]
    if words[0].startswith("--") or words[-1] == "--help":
        return  # run below
    build(words).parse_args(words, print_error=False, exit_on_error=False)


@pytest.mark.parametrize("command", sorted(RUN_HERE))
def test_what_can_run_here_runs(command: str, desk: Desk) -> None:
    assert command in COMMANDS
    assert desk(*shlex.split(command)[1:]).ok().out


def test_the_table_of_verbs_has_every_verb_of_a_step() -> None:
    named = {word for row in table(PAGE, "Verb") for word in re.findall(r"`(\w+)`", row[0])}
    assert named == set(verbs()) >= set(STEPS)
