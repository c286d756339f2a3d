"""A language model that learns from another one: distillation.

The student reads conversations as `sft` does, and for every token that is learned the odds that a teacher gives all
tokens in its place, which tell more than the one token that is there. The loss of a token is
`alpha * temperature^2 * D + (1 - alpha) * C`: `D` is the divergence of the student from the teacher, their logits
divided by `temperature`, and `C` the negative log-likelihood of the token, or what `losses` says. The loss of a step is
its mean over the tokens that are learned. A teacher whose odds cannot be had, of another vocabulary or behind an
endpoint, is learned from by its answers.

Use it when a large model answers well and a small one is to do its work: the small one learns more from it than from
the same data alone. `sft` has the same as its section `distillation`.

Source: Hinton et al., "Distilling the Knowledge in a Neural Network" (2015), sections 2 and 2.1; Kim and Rush,
"Sequence-Level Knowledge Distillation" (2016); Agarwal et al., "On-Policy Distillation of Language Models" (2024).
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from runner.builders.language._fields.distillation_fields import DistillationFields
from runner.builders.language._fields.taught_spec import AnsweringSpec
from runner.contract import option
from runner.data.conversations.section import ConversationsData
from runner.tasks import generation

TASK = generation.TASK
#: Names that it has elsewhere, and how a spec says what each means.
CALLED = {"gkd": '"on_policy" and "divergence"'}
REQUIRES = ("torch", "transformers", "peft", "accelerate", "safetensors", "numpy")


class Spec(DistillationFields, AnsweringSpec):
    """Distillation."""

    data = ConversationsData
    taught_at: ClassVar[str] = ""

    model_type: Literal["distillation"] = option(description="A language model learns from another one.")

    def taught(self) -> Self:
        return self
