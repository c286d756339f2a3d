"""The guide's way from a file of chats to a task: ``data process``, then columns in a prompt."""

from __future__ import annotations

import json
import re
from pathlib import Path

from runner.cli.app import run
from tests.evaluation import task_documents as made
from tests.talking_models import CHATS

GUIDE = Path(__file__).parents[2] / "docs" / "evaluation.md"


def test_chats_are_evaluated_as_the_guide_says(talking, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    section = GUIDE.read_text("utf-8").partition("### Rows of conversations")[2].partition("\n## ")[0]
    command, document = re.findall(r"```(?:bash|json)\n(.*?)```", section, re.DOTALL)
    turns = [[("user", f"Say {at}"), ("assistant", f"It is {at}.")] for at in range(3)]
    turns.append([*turns[0], *turns[1]])
    rows = [{"messages": [{"role": role, "content": text} for role, text in each]} for each in turns]
    files = made.furnish(tmp_path, talking.home / "models", [json.loads(document)], [])
    made.write_rows(tmp_path / "chats.jsonl", rows)
    assert run(command.split()[1:]) == 0
    capsys.readouterr()
    found = made.evaluated(tmp_path, files, (CHATS,))
    references = [each["references"] for each in made.samples(tmp_path, "chats")]
    assert references == [["It is 0."], ["It is 1."], ["It is 2."]]
    assert made.result(found, "exact_match")["n"] == 3
    # The conversation of several turns is told, with its line.
    assert found["tasks"][0]["data"]["named"] == {"missing_cell": [4]}
