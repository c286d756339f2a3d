"""A language model that learns which of two answers is better: direct preference optimization.

The loss compares how much more likely the trained model makes the chosen answer than its reference does, with the
same of the rejected one. The reference is the model that training began with, so that the first loss is ln 2 under
`sigmoid`; its log-likelihoods are computed once, before the first step.

Use it when a model can answer already (`"base_model_name": "sft/NAME"`), and there are pairs of answers to the same
prompt, of which one is better. For single answers with a thumb up or down use `kto`.

Source: Rafailov et al., "Direct Preference Optimization" (2023); `hinge`: Zhao et al. (2023, SLiC-HF); `ipo`: Azar et
al. (2023); `robust`: Chowdhury et al. (2024).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from runner.builders.language._fields.backend_field import Backend, backend_option
from runner.builders.language._fields.language_spec import PREFERENCE_MEASURES, ChatModelSpec
from runner.contract import invalid, option
from runner.data.preferences.section import PreferencesData
from runner.tasks import generation

TASK = generation.TASK
#: Names that it has elsewhere, and how a spec says what each means.
CALLED = {"ipo": '"loss_type": "ipo"', "slic": '"loss_type": "hinge"', "slic_hf": '"loss_type": "hinge"'}
REQUIRES = ("torch", "transformers", "peft", "accelerate", "safetensors", "numpy")


class Spec(ChatModelSpec):
    """Direct preference optimization."""

    data = PreferencesData
    measures: ClassVar = PREFERENCE_MEASURES

    model_type: Literal["dpo"] = option(description="A language model learns which of two answers is better.")
    backend: Backend = backend_option()
    beta: Annotated[float, Field(gt=0)] = option(
        0.1, description="How strongly the model is held to its reference: the greater, the closer it stays."
    )
    loss_type: Literal["sigmoid", "hinge", "ipo", "robust"] = option(
        "sigmoid", description="The loss of the two answers' margin over the reference."
    )
    label_smoothing: float = option(
        0.0, ge=0, lt=0.5, description="The share of pairs that are the wrong way round; sigmoid and robust take it."
    )

    @model_validator(mode="after")
    def _smoothing_that_counts(self) -> Self:
        if self.label_smoothing and self.loss_type in ("hinge", "ipo"):
            raise invalid(
                ("label_smoothing",), "void", f"the loss {self.loss_type} takes none: leave it out, or take sigmoid"
            )
        if self.loss_type == "robust" and not self.label_smoothing:
            raise invalid(
                ("loss_type",),
                "needed",
                "the loss robust needs label_smoothing, the share of pairs that are the wrong way round",
            )
        return self
