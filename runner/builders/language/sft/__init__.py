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

from typing import Literal, Self

from pydantic import model_validator

from runner.builders.language._fields.backend_field import Backend, backend_option
from runner.builders.language._fields.distillation_fields import DistillationFields
from runner.builders.language._fields.loss_fields import JudgedLosses
from runner.builders.language._fields.taught_spec import AnsweringSpec, losses_option
from runner.contract import invalid, option
from runner.data.conversations.section import ConversationsData
from runner.tasks import generation

TASK = generation.TASK
REQUIRES = ("torch", "transformers", "peft", "accelerate", "safetensors", "numpy")


class Spec(AnsweringSpec):
    """Supervised fine-tuning."""

    data = ConversationsData

    model_type: Literal["sft"] = option(description="A language model learns to answer, from conversations.")
    backend: Backend = backend_option()
    label_smoothing: float = option(
        0.0, ge=0, lt=1, description="Share of every token's odds that is spread over the vocabulary in training."
    )
    losses: JudgedLosses | None = losses_option()
    distillation: DistillationFields | None = option(
        None, description="A teacher that is learned from as well; null learns from the data alone."
    )

    def taught(self) -> DistillationFields | None:
        return self.distillation

    @model_validator(mode="after")
    def _smoothed_once(self) -> Self:
        if self.label_smoothing and (self.losses is not None or self.distillation is not None):
            raise invalid(
                ("label_smoothing",), "void", "losses says what is learned: losses.label_smoothing is the same there"
            )
        return self
