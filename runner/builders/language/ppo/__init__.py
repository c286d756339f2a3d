"""A language model that learns from what its own answers are worth, token by token: PPO.

To every prompt an answer is drawn and judged by `rewards`. A value, a layer that is learned beside the model, says of
every token what is to be expected from there on; what came better than expected is made likelier, and no step makes a
token much likelier than it was drawn by. What an answer is worth comes with its last token, and every token pays
`kl_coefficient` times how far its odds have moved from the model that training began with, which lies beside it in
memory. Answers are learned from `passes` times before others are drawn. The value is not stored.

Use it when one answer to a prompt is all there is to judge, or a published recipe asks for it. `grpo` needs no value
and no second model, has fewer numbers to set, and draws several answers to a prompt.

Source: Ziegler et al., "Fine-Tuning Language Models from Human Preferences" (2019), sections 2.1 and 2.2; Schulman et
al., "Proximal Policy Optimization" (2017) and "Generalized Advantage Estimation" (2016); details as in Huang et al.,
"The N+ Implementation Details of RLHF with PPO" (2024).
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from runner.builders.language._fields.clip_fields import check_clips, clip_option
from runner.builders.language._fields.reinforced_spec import ReinforcedSpec, passes_option
from runner.contract import option
from runner.data.rewarded_prompts.section import RewardedPromptsData
from runner.tasks import generation

TASK = generation.REWARDED
REQUIRES = ("torch", "transformers", "peft", "accelerate", "safetensors", "numpy")


class Spec(ReinforcedSpec):
    """Proximal policy optimization."""

    data = RewardedPromptsData

    model_type: Literal["ppo"] = option(
        description="A language model learns from what its own answers are worth, token by token."
    )
    gamma: Annotated[float, Field(gt=0, le=1)] = option(
        0.99, description="What a token counts of what comes one token later."
    )
    gae_lambda: Annotated[float, Field(ge=0, le=1)] = option(
        0.95, description="How much of an advantage is what came (1), and how much what was expected of the next (0)."
    )
    clip_range: Annotated[float, Field(gt=0, lt=1)] = clip_option()
    value_coefficient: Annotated[float, Field(gt=0, le=1000)] = option(
        1.0, description="What the loss of the value counts beside that of the tokens."
    )
    value_clip_range: Annotated[float, Field(gt=0, le=1000)] = option(
        0.2, description="A value that has moved further than this since the answers were drawn is not moved further."
    )
    kl_coefficient: Annotated[float, Field(ge=0, le=1000)] = option(
        0.1, description="What a token pays for odds that have moved from the model that training began with."
    )
    passes: int = passes_option(4)

    @model_validator(mode="after")
    def _clips_that_count(self) -> Self:
        check_clips(self, "clip_range", "value_clip_range")
        return self
