"""docs/serving.md: the server that it starts, and what is asked of it there."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import subprocess

import pytest

from runner.cli.app import build
from runner.cli.serve import serve
from runner.execution.image_lookup import tag
from runner.gateway.engines.known_engines import ENGINES, FIELDS
from runner.serving.application import application
from runner.serving.openai_requests import WIRE
from runner.serving.service import Service
from tests.conftest import Desk
from tests.docs.documents import ROOT, blocks, dialogue, matches, table
from tests.holding import wait
from tests.serving.running import PATIENCE
from tests.talking_models import CHATS, keep
from tests.warm import Copy

PAGE = ROOT / "docs" / "serving.md"


@pytest.mark.usefixtures("curl")
def test_what_is_asked_of_the_server_is_answered_as_shown(talking: Desk, tmp_path):
    # A model that took no training stands for the one that the page trains first.
    keep(tmp_path, "sft/sft-example", shutil.copytree(talking.home / "made" / CHATS, tmp_path / "made"))
    (command, shown) = [block for block in blocks(PAGE) if block.language in ("bash", "text")][:2]
    program, *words = shlex.split(command.text)
    assert program == "runner" and words[-2:] == ["--port", "8000"]
    desk = Desk(tmp_path, talking.environment)
    process = Copy([*words[:-1], "0"], desk.home, desk.variables)
    try:
        wait(lambda: process.out.exists() and "serving at" in process.out.read_text(), process)
        said = process.out.read_text()
        address = said.split()[-1]
        here = address.removeprefix("http://")
        assert matches(shown.text.replace("127.0.0.1:8000", here), said)
        asked = [each for block in blocks(PAGE) if block.language == "console" for each in dialogue(block)]
        curls = [(typed, shown) for typed, shown in asked if typed.startswith("curl ")]
        assert len(curls) == 2
        for typed, shown in curls:
            words = shlex.split(typed.replace("127.0.0.1:8000", here))
            done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE)
            assert matches(shown, done.stdout + "\n"), done.stdout
            assert "error" not in json.loads(done.stdout)
        (program,) = [block.text for block in blocks(PAGE) if block.language == "python"]
        exec(compile(program.replace("127.0.0.1:8000", here), PAGE.name, "exec"), {})
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(PATIENCE)
    assert code == 0


def test_the_tables_are_those_of_the_code():
    paths = {route.path.removesuffix("/{name:path}") for route in application(Service()).routes}
    assert {row[0].strip("`").split()[1] for row in table(PAGE, "Endpoint")} == paths
    flags = serve.__doc__ or ""
    for row in table(PAGE, "Flag"):
        flag, _, default = row[0].strip("`").partition(" ")
        name = flag.removeprefix("--").replace("-", "_")
        assert f"    {name}\n" in flags
        if default:
            assert str((serve.__kwdefaults__ or {})[name]) == default


def test_what_engines_honour_is_what_the_page_says():
    rows = {row[0]: row[1] for row in table(PAGE, "Of an engine")}
    assert set(re.findall(r"`(\w+)`", rows["Honoured too"])) == FIELDS
    unlike = {WIRE.get(name, name) for kind in ENGINES.values() for name in kind.without}
    assert set(re.findall(r"`(\w+)`", rows["Not honoured"])) == unlike | {"logprobs"}
    oldest = {name: ".".join(map(str, kind.oldest)) for name, kind in ENGINES.items()}
    assert f"vLLM from {oldest['vllm']}, SGLang from {oldest['sglang']}" in PAGE.read_text()


def test_other_commands_have_the_right_words():
    typed = [block.text.strip() for block in blocks(PAGE) if block.language == "bash"]
    lines = [shlex.split(line) for text in typed for line in text.splitlines()]
    for words in lines:
        while "=" in words[0]:
            words.pop(0)
        if words[0] == "docker":
            words = ["runner", *words[words.index(tag("cpu")) + 1 :]]
        if words[0] == "runner":
            build(words[1:]).parse_args(words[1:], print_error=False, exit_on_error=False)
        else:
            assert words[0] == "curl" and json.loads(words[words.index("-d") + 1])
