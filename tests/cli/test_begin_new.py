"""The words of ``runner new`` that are read without the parser mean what the parser makes of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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
        "from runner.cli import conversing; from runner.wizard import conversation, numbered_prompts;"
        "from runner.wizard.kind_descriptions import families;"
        "families(); print(sorted({'cyclopts', 'pydantic', 'numpy', 'torch', 'rich'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


#: Answers up to the question for the data, and tells what is loaded there.
UP_TO_THE_DATA = """
import sys
from runner.errors import Stopped
from runner.wizard.conversation import Conversation
from runner.wizard.draft import Draft
from runner.wizard.session import Session
from runner.workspace import Workspace

class Asker:
    def ask(self, question):
        if question.key == "/data/dataset":
            print(question.default, question.help)
            print(sorted({"pydantic", "runner.spec.json_schemas", "numpy", "torch"} & sys.modules.keys()))
            raise Stopped("")
        return {"family": "routing", "kind": "dense_network", "/model/name": "router"}[question.key]
    def say(self, text):
        pass

try:
    Conversation(Asker(), Draft(), Session(Workspace.current()), ahead=print).run()
except Stopped:
    pass
"""


def test_the_data_is_asked_for_before_a_schema_is_made(tmp_path):
    env = dict(os.environ, PYTHONPATH=str(Path(__file__).parents[2]))
    done = subprocess.run([sys.executable, "-c", UP_TO_THE_DATA], capture_output=True, text=True, cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    chosen, asked, loaded = done.stdout.splitlines()
    # What is to be made ahead is of the one kind that was chosen.
    assert chosen == "dense_network"
    assert asked.startswith("lmarena_human_preference /data/dataset  lmarena_human_preference, chatbot_arena, both")
    assert loaded == "[]"
