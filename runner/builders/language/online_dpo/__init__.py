"""A language model that learns which of two answers of its own is better: online DPO.

To every prompt two answers are drawn and judged by `rewards`. The one that is worth more is the chosen one of a pair,
the other the rejected one, and the loss is that of `dpo`: how much more likely the trained model makes the first than
the model that training began with does, compared with the same of the second. That model lies beside it in memory. Two
answers that are worth the same teach nothing, and are counted.

Use it when answers can be judged better by comparison than by how much they are worth: rewards tell here which answer
is better, and not by how much. `grpo` learns from that too, of more answers to a prompt, and needs no second model.

Source: Guo et al., "Direct Language Model Alignment from Online AI Feedback" (2024); `ipo`: Azar et al. (2023). The
loss is that of TRL's OnlineDPOTrainer, but for pairs of equal worth, of which that one takes the first as better.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from runner.builders.language._fields.reinforced_spec import ReinforcedSpec
from runner.contract import option
from runner.data.rewarded_prompts.section import RewardedPromptsData
from runner.tasks import generation

TASK = generation.REWARDED
REQUIRES = ("torch", "transformers", "peft", "accelerate", "safetensors", "numpy")


class Spec(ReinforcedSpec):
    """Online direct preference optimization."""

    data = RewardedPromptsData

    model_type: Literal["online_dpo"] = option(
        description="A language model learns which of two answers of its own is better."
    )
    beta: Annotated[float, Field(gt=0)] = option(
        0.1, description="How strongly the model is held to its reference: the greater, the closer it stays."
    )
    loss_type: Literal["sigmoid", "ipo"] = option(
        "sigmoid", description="The loss of the two answers' margin over the reference; ipo takes it a token."
    )

    @property
    def drawn(self) -> int:
        return 2
