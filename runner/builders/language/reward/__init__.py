"""A score for an answer: a reward model, from pairs of which one was preferred.

A language model with one linear output instead of its vocabulary reads prompt and answer; the output at the last token
is the score. The loss is that of Bradley and Terry: `-log sigmoid(score of chosen - score of rejected - margin)`.

Use it when answers are to be ranked, or reinforcement learning needs a reward. A score compares answers to one prompt;
it is on no scale of its own.

Source: Ouyang et al. (2022), equation 1; the margin: Touvron et al., "Llama 2" (2023), section 3.2.2.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from runner.builders.language._fields.language_spec import ChatModelSpec
from runner.contract import option
from runner.data.preferences.section import PreferencesData
from runner.tasks import reward

TASK = reward.TASK
#: Names that it has elsewhere: nothing is to be set for them.
CALLED = {"rm": "", "reward_model": "", "reward_modeling": ""}
REQUIRES = ("torch", "transformers", "peft", "accelerate", "safetensors", "numpy")


class Spec(ChatModelSpec):
    """Reward model."""

    data = PreferencesData
    measures: ClassVar = {"log_loss": "lower", "accuracy": "higher", "margin": "higher"}
    speaks: ClassVar = False

    model_type: Literal["reward"] = option(description="A score for an answer, learned from preferences.")
    center_rewards: Annotated[float, Field(gt=0)] | None = option(
        None, description="Weight of the squared sum of two rewards, which keeps their mean near 0; null: no such term."
    )
