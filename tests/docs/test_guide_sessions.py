"""The sessions on the pages of kinds: typed as they stand there, to a model of the kind's own example."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys

import pytest

from tests.conftest import Desk
from tests.docs.documents import GUIDED, ROOT, blocks, dialogue, files, matches
from tests.examples import example


@pytest.mark.slow
@pytest.mark.warm
@pytest.mark.parametrize("page", GUIDED)
def test_every_command_of_a_session_prints_what_is_shown(page: str, desk: Desk):
    path, kind = ROOT / "docs" / "kinds" / page, page.removesuffix(".md")
    for name, text in files(path).items():
        desk.write(name, text)
    (desk.home / "specs").mkdir()
    document = example(kind)
    # What it says is not the question: a step is enough.
    document["model"]["spec"]["max_steps"] = 1
    spec = desk.write(f"specs/{kind}.json", document)
    typed = [each for block in blocks(path) if block.language == "console" for each in dialogue(block)]
    assert any(command.startswith("runner infer ") for command, _ in typed)
    if not any(command.startswith("runner train ") for command, _ in typed):
        desk("train", "--spec-file", spec, "--executor", "local").ok()
    for command, shown in typed:
        program, *words = shlex.split(command)
        if program == "runner":
            done = desk(*words).ok()
            said = done.err + done.out
        else:
            assert program == "python"
            shutil.copytree(ROOT / "examples", desk.home / "examples", dirs_exist_ok=True)
            said = subprocess.run(
                [sys.executable, *words],
                cwd=desk.home,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        assert matches(shown, said), f"$ {command}\n{said}\n--- is not what is shown:\n{shown}"
