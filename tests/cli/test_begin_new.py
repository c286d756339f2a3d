"""The words of ``runner new`` that are read without the parser mean what the parser makes of them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from runner.cli import begin_new, new
from runner.cli.app import build

PLAIN = [
    [],
    ["sft"],
    ["elo_scoring", "--set", "name=a", "--set", "data=sample", "--yes", "--no-start"],
    ["--resume"],
    ["--plain", "--json", "sft"],
]


@pytest.mark.parametrize("words", PLAIN, ids=" ".join)
def test_plain_words_are_read_as_the_parser_reads_them(words, monkeypatch):
    called: list[dict[str, object]] = []
    monkeypatch.setattr(new, "begin", lambda **arguments: called.append(arguments))
    build(["new", *words])(["new", *words])
    (parsed,) = called
    read = begin_new.plainly(words)
    assert read is not None
    assert {name: value for name, value in parsed.items() if value not in (None, False)} == read


@pytest.mark.parametrize(
    "words",
    [["--help"], ["--answers", "a.json"], ["--set"], ["--set", "--yes"], ["--set=a=b"], ["a", "b"], ["--yes", "--yes"]],
    ids=" ".join,
)
def test_other_words_are_the_parsers(words):
    assert begin_new.plainly(words) is None


def test_plain_is_plain_to_the_end(monkeypatch):
    # Set, so that what is set over it is undone at the end.
    monkeypatch.setenv("RUNNER_PLAIN", "")
    seen: list[str | None] = []
    monkeypatch.setattr(begin_new, "hold", lambda *_, **__: seen.append(os.environ.get("RUNNER_PLAIN")))
    begin_new.begin(kind="elo_scoring", plain=True)
    assert seen == ["1"]


def test_the_first_question_loads_neither_the_parser_nor_what_checks_a_spec():
    code = (
        "import sys; from runner.cli import app; from runner.cli.begin_new import begin, plainly;"
        "from runner.cli import conversing; from runner.wizard import conversation, numbered_prompts, kind_words;"
        "kind_words.families(); print(sorted({'cyclopts', 'pydantic', 'numpy', 'torch', 'rich'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
