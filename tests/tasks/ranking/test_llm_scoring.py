"""The command to type after a training."""

from __future__ import annotations

import shlex

from hypothesis import given
from hypothesis import strategies as st

from runner.tasks.ranking.llm_scoring import infer_command

BOARD = [{"model": "SmolLM2 135M, greedy"}, {"model": "--help"}, {"model": "x\x1b[2J"}, {"model": "solver"}]


def test_the_infer_command_can_be_typed() -> None:
    assert shlex.split(infer_command("dense_network/quick/v1", BOARD, prompts=["it's $HOME", "b"])) == [
        "runner", "infer", "--model", "dense_network/quick/v1", "--models-to-score", "SmolLM2 135M, greedy", "solver",
        "--prompts", "it's $HOME", "b",
    ]  # fmt: skip


@given(names=st.lists(st.text(max_size=20), max_size=5))
def test_no_llms_name_becomes_an_option_or_a_control_character(names: list[str]) -> None:
    command = infer_command("elo_scoring/x/v1", [{"model": name} for name in names], prompts=["p"])
    assert command.isprintable()
    words = shlex.split(command)
    scored = words[words.index("--models-to-score") + 1 : words.index("--prompts")]
    assert 1 <= len(scored) <= 3
    assert all(word in [*names, "MODEL"] and not word.startswith("-") for word in scored)
