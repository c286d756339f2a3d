"""A few layers of a real model learn from a reward that can be verified: answers to held-out prompts get more of it.

The model says what comes to it, and a capital letter is in a quarter of its answers. It is to be in all of them.
"""

from __future__ import annotations

import pytest

from runner.chat.messages import Conversation, Message
from runner.data.dialogues.row_types import PromptRow
from tests.builders.language.conftest import REINFORCED, cut

#: What the held-out reward, a share of the answers, is higher by: stated before it was measured.
MARGIN = 0.25
LAYERS = (0, 1, 28, 29)
#: Of 49,152 tokens: their odds cost more than the layers do.
TOKENS = 8000
# fmt: off
THINGS = (
    "a star", "a river", "a stone", "bread", "a door", "rain", "a song", "a ship", "salt", "a lamp", "snow", "a road",
)
# fmt: on
#: Epochs, prompts a step, the learning rate, and fields: 320 answers are drawn. PPO draws 160, learns four times from
#: each, and went from 0.1 of the answers to 0.9 of them and more, with two seeds of two. At twice the rate one of
#: seven stayed where it was.
SETTINGS = {
    "grpo": (1, 4, 0.0002, {"group_size": 8}),
    "online_dpo": (4, 8, 0.0002, {}),
    "ppo": (4, 20, 0.0001, {}),
}  # fmt: skip
ASKED = ("Describe {}.", "What is {}?", "Who made {}?", "Where is {}?", "Tell me of {}.")


def prompts() -> list[PromptRow]:
    """Those of the last four things are held out."""
    texts = [asked.format(thing) for thing in THINGS for asked in ASKED]
    system = Message("system", "Answer.")
    return [PromptRow(at + 1, Conversation((system, Message("user", text))), {}) for at, text in enumerate(texts)]


@pytest.mark.slow
@pytest.mark.parametrize("kind", REINFORCED)
def test_answers_to_held_out_prompts_are_worth_more_after_training(trained, smollm, tmp_path, kind):
    epochs, batch_size, rate, own = SETTINGS[kind]
    result, _ = trained(
        kind,
        rows=prompts(),
        held=20,
        context={"epochs": epochs, "batch_size": batch_size},
        base_model_name=str(cut(smollm, tmp_path / "cut", LAYERS, TOKENS)),
        rewards={"capital": {"reward_type": "regular_expression", "pattern": "[A-Z]"}},
        max_new_tokens=4,
        max_length=64,
        optimizer={"optimizer_type": "adamw", "learning_rate": rate},
        keep="last",
        **own,
    )
    ((_, before, *_),) = result.tables["baselines"]["rows"]
    assert result.metrics["n_validation"] == 20
    assert result.metrics["reward"] >= before + MARGIN
