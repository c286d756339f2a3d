"""A language model that learns from what its own answers are worth, compared with each other: GRPO.

To every prompt a group of answers is drawn and judged by `rewards`. An answer that is worth more than the others of its
group is made likelier, and one that is worth less is made less likely, token by token; a group whose answers are all
worth the same teaches nothing, and is counted. There is no model beside it, but where `beta` holds it to what it was.

Use it when answers can be judged though good ones are not at hand: a number that is right, a format, a test, a reward
model. The model has to answer well now and then already, else there is nothing to learn from: begin with `sft/NAME`.

Source: Shao et al., "DeepSeekMath" (2024), section 4.1; `dapo`: Yu et al. (2025); `dr_grpo`: Liu et al. (2025);
`cispo`: MiniMax (2025); `baseline` `others`: Ahmadian et al., "Back to Basics" (2024), RLOO. The losses are those of
TRL's GRPOTrainer.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from runner.builders.language._fields.clip_fields import check_clips, clip_high_option, clip_option
from runner.builders.language._fields.reinforced_spec import ReinforcedSpec
from runner.contract import departs, invalid, option
from runner.data.rewarded_prompts.section import RewardedPromptsData
from runner.tasks import generation

TASK = generation.REWARDED
#: Names that it has elsewhere, and how a spec says what each means.
CALLED = {
    "rloo": '"baseline": "others"',
    "dapo": '"loss_type": "dapo"',
    "dr_grpo": '"loss_type": "dr_grpo"',
    "cispo": '"policy_loss": "cispo"',
}
REQUIRES = ("torch", "transformers", "peft", "accelerate", "safetensors", "numpy")


class Spec(ReinforcedSpec):
    """Group relative policy optimization."""

    data = RewardedPromptsData

    model_type: Literal["grpo"] = option(
        description="A language model learns from what its own answers are worth, compared with each other."
    )
    group_size: int = option(
        8, ge=2, le=256, description="Answers that are drawn to each prompt. batch_size counts prompts."
    )
    loss_type: Literal["dapo", "grpo", "bnpo", "dr_grpo"] = option(
        "dapo",
        description="What a token counts: dapo 1 over the tokens of the step's answers, grpo 1 over those of its own "
        "answer, bnpo 1 over those of its batch, dr_grpo 1 over max_new_tokens.",
    )
    policy_loss: Literal["ppo", "cispo", "importance_sampling"] = option(
        "ppo",
        description="What is made of the ratio of a token's odds to those that it was drawn by: ppo clips it, cispo "
        "clips it and keeps the gradient, importance_sampling takes it as it is.",
    )
    clip_range: Annotated[float, Field(gt=0, lt=1)] = clip_option()
    clip_range_high: Annotated[float, Field(gt=0, le=100)] | None = clip_high_option()
    beta: Annotated[float, Field(ge=0, le=100)] = option(
        0.0, description="How strongly the model is held to what it began as; 0 keeps no second model in memory."
    )
    baseline: Literal["mean", "others"] = option(
        "mean", description="What an answer is compared with: the mean of its group, or that of the others (RLOO)."
    )
    scale_rewards: Literal["group", "batch", "none"] = option(
        "group", description="Which spread of rewards the difference is divided by: the group's, the step's, none."
    )

    @model_validator(mode="after")
    def _clips_that_count(self) -> Self:
        if self.policy_loss == "importance_sampling":
            for name in ("clip_range", "clip_range_high"):
                if departs(self, name):
                    raise invalid((name,), "void", "importance_sampling clips nothing: leave this out")
        check_clips(self)
        return self

    @property
    def drawn(self) -> int:
        return self.group_size
