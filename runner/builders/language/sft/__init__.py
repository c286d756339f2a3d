"""A language model that learns to answer: supervised fine-tuning on conversations.

A conversation becomes tokens by the chat template, the same in training and in use, and the tokens of the turns that
`loss_on` names are learned, each conversation's end of turn with them. Every row's trained tokens are counted; a row
that would train none is named, and a run in which nothing trains does not start. The loss is the mean negative
log-likelihood of a trained token (nats) over all batches of a step.

Use it when there are good answers to learn from. It comes first: preferences (`dpo`, `kto`) polish a model that can
answer already.

Source: Ouyang et al., "Training language models to follow instructions with human feedback" (2022), section 3.1.
"""

from __future__ import annotations

from typing import Literal

from runner.builders.language._fields.chat_fields import LossOn
from runner.builders.language._fields.language_spec import ChatModelSpec, Packing, packing_option
from runner.contract import option
from runner.data.conversations.section import ConversationsData
from runner.tasks import generation

TASK = generation.TASK
REQUIRES = ("torch", "transformers", "peft", "accelerate", "safetensors", "numpy")


class Spec(ChatModelSpec):
    """Supervised fine-tuning."""

    data = ConversationsData

    model_type: Literal["sft"] = option(description="A language model learns to answer, from conversations.")
    loss_on: LossOn = option(
        "assistant",
        description="Which turns are learned: assistant, last_assistant, all, or an object with a weight for each "
        'role: {"assistant": 1, "user": 0.1}. A weight of a message in the data goes before it.',
    )
    packing: Packing = packing_option("none")
    label_smoothing: float = option(
        0.0, ge=0, lt=1, description="Share of every token's odds that is spread over the vocabulary in training."
    )
