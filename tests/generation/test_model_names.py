"""What a word for a language model names: a stored one, a base, or a stored one with a letter wrong."""

from __future__ import annotations

import pytest

from runner.errors import EnvironmentProblem, NotFoundError
from runner.generation.model_opening import base_folder
from runner.training import pretrained
from runner.workspace import Workspace
from tests.conftest import Desk


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("stf/talker", "sft/talker"),
        ("sft_/talker", "sft/talker"),
        ("stf/talker/v1", "sft/talker"),
        ("stf/nobody", "sft/nobody"),
        ("causal-lm/goer", "causal_lm/goer"),
    ],
)
def test_a_misspelt_type_is_no_name_of_the_hub(talking: Desk, word, meant):
    with pytest.raises(NotFoundError) as refused:
        base_folder(Workspace.below(talking.home), word)
    assert f"did you mean {meant}?" in str(refused.value.hint)


def test_a_base_is_one_whatever_it_is_called(talking: Desk, monkeypatch):
    workspace = Workspace.below(talking.home)
    assert (base_folder(workspace, "runner/tiny-llama") / "config.json").exists()
    asked = []

    def fetched(name: str, **words: object) -> None:
        asked.append(name)
        raise EnvironmentProblem("no network")

    monkeypatch.setattr(pretrained, "resolve", fetched)
    for name in ("HuggingFaceTB/SmolLM2-135M", "sft-people/model", "gpt2"):
        with pytest.raises(EnvironmentProblem):
            base_folder(workspace, name)
    assert asked == ["HuggingFaceTB/SmolLM2-135M", "sft-people/model", "gpt2"]
