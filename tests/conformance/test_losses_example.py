"""The example of losses that add up trains as it stands, on its own rows."""

from __future__ import annotations

import shutil

import pytest

from tests.conftest import ROOT, Desk


@pytest.mark.slow
@pytest.mark.warm
def test_the_example_of_losses_trains_and_its_model_answers(desk: Desk):
    shutil.copytree(ROOT / "specs" / "losses", desk.home / "specs" / "losses")
    words = ("--spec-file", "specs/losses/judged_answers.json", "--executor", "local", "--json")
    done = desk("train", *words).ok().json
    assert done["model"].startswith("sft/judged-answers") and done["metrics"]["n_train"] == 48
    desk("infer", "--model", done["model"], "--prompts", "What is 2 plus 3?", "--set", "max_new_tokens=4").ok()
