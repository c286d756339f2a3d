"""What is shown once a language model is trained; its two questions are asked of a server."""

from __future__ import annotations

import ast
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from runner.errors import NotFoundError
from runner.wizard.usage_block import block, curl_snippet, of_stored, python_snippet
from runner.workspace import Workspace
from tests.conftest import Desk
from tests.serving.running import serving
from tests.talking_models import CHATS, keep

TRICKY = """It's "quoted", $HOME and `ls`\\n"""


def test_it_names_model_base_step_address_and_run():
    text = block("sft/helper/v2", base="org/base", step=1204, tracker="https://wandb.ai/me/sums/runs/abc", port=9000)
    for line in (
        "  Model:          sft/helper/v2",
        "  Base model:     org/base",
        "  Training step:  1,204",
        "  Inference URL:  http://127.0.0.1:9000/v1",
        "  Run:            https://wandb.ai/me/sums/runs/abc",
        "runner serve sft/helper/v2 --port 9000",
    ):
        assert line in text.splitlines()


def test_both_questions_say_the_same_whatever_the_prompt_holds():
    code = ast.parse(python_snippet("sft/a b", "http://127.0.0.1:1/v1", TRICKY))
    assert TRICKY in [node.value for node in ast.walk(code) if isinstance(node, ast.Constant)]
    words = shlex.split(curl_snippet("sft/a b", "http://127.0.0.1:1/v1", TRICKY))
    asked = json.loads(words[words.index("-d") + 1])
    assert asked == {"model": "sft/a b", "messages": [{"role": "user", "content": TRICKY}]}


def test_what_is_not_known_is_said_to_be_so_and_a_model_that_is_not_there_is_an_error(tmp_path: Path):
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "x.json").write_text("{}")
    keep(tmp_path, "sft/talker", tmp_path / "made", {"model_type": "sft", "base_model_name": "org/base"})
    workspace = Workspace.below(tmp_path)
    lines = [" ".join(line.split()) for line in of_stored("sft/talker", workspace).splitlines()]
    assert "Model: sft/talker/v1" in lines
    assert "Base model: org/base" in lines
    assert "Training step: unknown" in lines
    assert "Run: not recorded" in lines
    with pytest.raises(NotFoundError, match="there is no stored model"):
        of_stored("sft/nobody", workspace)


def test_the_link_of_a_run_that_was_followed_on_wandb(tmp_path: Path):
    from runner.wizard.usage_block import _tracker

    who = {"run_id": "abc", "project": "my sums", "entity": "me", "group": None, "name": "adder"}
    (tmp_path / "wandb.json").write_text(json.dumps(who))
    assert _tracker(tmp_path) == "https://wandb.ai/me/my%20sums/runs/abc"
    (tmp_path / "wandb.json").write_text(json.dumps(who | {"entity": None}))
    assert _tracker(tmp_path) == "my%20sums, run abc on https://wandb.ai"
    (tmp_path / "wandb.json").write_text("{")
    assert _tracker(tmp_path) == f"runner runs show {tmp_path.name}"


@pytest.mark.slow
@pytest.mark.usefixtures("curl")
def test_both_questions_are_answered_by_runner_serve(talking: Desk):
    with serving(talking.home, [CHATS]) as server:
        url = f"{server.address}/v1"
        code = python_snippet(CHATS, url).replace("messages=", "max_tokens=4, messages=")
        answered = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=False
        )
        assert answered.returncode == 0, answered.stderr
        # Four tokens of a model that knows nothing, and the line's end.
        assert len(answered.stdout) > 1
        command = curl_snippet(CHATS, url).replace('"messages"', '"max_tokens": 4, "messages"')
        answered = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=240, check=False)
        assert answered.returncode == 0, answered.stderr
        assert json.loads(answered.stdout)["choices"][0]["message"]["role"] == "assistant"
