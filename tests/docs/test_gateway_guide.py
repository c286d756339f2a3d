"""docs/gateway.md, walked from top to bottom in one folder, as it stands there; and its tables."""

from __future__ import annotations

import dataclasses
import json
import shlex
import typing

import jsonschema
import pytest

from runner.cli.app import build
from runner.cli.parameters import Choosing
from runner.spec.json_schemas import backends
from tests.docs.documents import ROOT, blocks, dialogue, table, walk

GUIDE = ROOT / "docs" / "gateway.md"


@pytest.mark.slow
@pytest.mark.usefixtures("curl")
def test_every_command_works_in_its_turn_and_prints_what_is_shown(tmp_path):
    shell = walk(GUIDE, tmp_path)
    lines = [json.loads(line) for line in (shell.home / "requests.jsonl").read_text().splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert [line["why"] for line in requests] == ["present"] * 8 + ["chosen"] * 8
    # What it was to save in shadow it saves.
    silent = [line["shadow"]["model"] for line in requests[:8]]
    assert silent == [line["model"] for line in requests[8:]] and len(set(silent)) > 1
    assert sum(line["saved"] for line in requests[8:]) > 0


def test_the_flags_of_a_choice_are_those_of_the_code():
    hints = typing.get_type_hints(Choosing, include_extras=True)
    told = {
        f"`--{field.name.replace('_', '-')}`": hints[field.name].__metadata__[0].help
        for field in dataclasses.fields(Choosing)
    }
    assert {row[0]: row[1] for row in table(GUIDE, "Flag")} == told


def test_every_command_has_the_right_words():
    typed = [line for block in blocks(GUIDE) if block.language == "bash" for line in block.text.splitlines()]
    typed += [command for block in blocks(GUIDE) if block.language == "console" for command, _ in dialogue(block)]
    asked = [shlex.split(command.partition(" > ")[0])[1:] for command in typed if command.startswith("runner ")]
    assert len(asked) > 10
    for words in asked:
        build(words).parse_args(words, print_error=False, exit_on_error=False)


def test_every_file_of_backends_is_valid():
    checked = jsonschema.Draft202012Validator(backends())
    found = [json.loads(block.text) for block in blocks(GUIDE) if block.language == "json" and "url" in block.text]
    found += [json.loads(block.text) for block in blocks(GUIDE) if block.file == "backends.json"]
    assert len(found) == 2
    for document in found:
        checked.validate(document)
