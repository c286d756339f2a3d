"""docs/wizard.md: from raw rows to a model that answers, typed at a terminal and in a shell, as it stands there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.documents import ROOT, Shell, blocks, dialogue, files, matches
from tests.wizard.window import Window

PAGE = ROOT / "docs" / "wizard.md"


def typed() -> list[tuple[str, str]]:
    """What is waited for, and what is typed then."""
    (block,) = [block for block in blocks(PAGE) if block.language == "typed"]
    pairs = [line.partition(" >") for line in block.text.splitlines()]
    return [(waited, answer.strip()) for waited, _, answer in pairs]


@pytest.mark.slow
def test_raw_rows_become_a_model_that_answers(tmp_path: Path):
    shell = Shell.set_up(tmp_path)
    for name, text in files(PAGE).items():
        (tmp_path / name).write_text(text)
    nobody = f"unix://{tmp_path}/no-engine.sock"
    with Window(["new", "--plain"], tmp_path, RUNNER_HOME=str(tmp_path), DOCKER_HOST=nobody) as window:
        for waited, answer in typed():
            window.comes(waited).settles().type(answer)
        assert window.end() == 0, window.raw
    assert (tmp_path / "models" / "sft" / "opposites" / "v1").is_dir()
    sessions = [each for block in blocks(PAGE) if block.language == "console" for each in dialogue(block)]
    assert [command.split("runner ")[1].split()[0] for command, _ in sessions] == ["chat", "evaluate"]
    for command, shown in sessions:
        done = shell.run(command)
        assert done.returncode == 0, done.stdout
        assert matches(shown, done.stdout), f"$ {command}\n{done.stdout}\n--- is not what is shown:\n{shown}"
