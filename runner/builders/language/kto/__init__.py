"""A language model that learns from single answers, each wanted or not: Kahneman-Tversky optimization.

The loss of a wanted answer falls as it gets likelier than under the reference, that of an unwanted one as it gets less
likely. Both are judged from a reference point: the mean divergence of the model from its reference, measured anew in
each step by answers that belong to other prompts. The reference is the model that training began with.

Use it when answers were marked good or bad one by one, with a thumb up or down, and never two for one prompt. With far
more of one mark than of the other, `desirable_weight` and `undesirable_weight` even them out. For pairs use `dpo`.

Source: Ethayarajh et al., "KTO: Model Alignment as Prospect Theoretic Optimization" (2024), equations 7 and 8.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from runner.builders.language._fields.backend_field import Backend, backend_option
from runner.builders.language._fields.language_spec import PREFERENCE_MEASURES, ChatModelSpec
from runner.contract import option
from runner.data.labelled_answers.section import LabelledAnswersData
from runner.tasks import generation

TASK = generation.TASK
REQUIRES = ("torch", "transformers", "peft", "accelerate", "safetensors", "numpy")
Positive = Annotated[float, Field(gt=0)]


class Spec(ChatModelSpec):
    """Kahneman-Tversky optimization."""

    data = LabelledAnswersData
    measures: ClassVar = PREFERENCE_MEASURES

    model_type: Literal["kto"] = option(description="A language model learns from answers marked good or bad.")
    backend: Backend = backend_option()
    beta: Positive = option(
        0.1, description="How strongly the model is held to its reference: the greater, the closer it stays."
    )
    loss_type: Literal["kto", "apo_zero_unpaired"] = option(
        "kto", description="kto compares with the mean divergence from the reference; apo_zero_unpaired does not."
    )
    desirable_weight: Positive = option(1.0, description="What a wanted answer counts.")
    undesirable_weight: Positive = option(1.0, description="What an unwanted answer counts.")
