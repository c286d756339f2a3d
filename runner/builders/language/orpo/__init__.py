"""A language model that learns to answer and which answer is better, at once and without a reference: ORPO.

The loss is the negative log-likelihood of the chosen answer, and `beta` times the negative log of how surely the odds
of the chosen answer are above those of the rejected one.

Use it when there are pairs of answers and no `sft` is to come before: the likelihood of the chosen answers is learned
here as well. With a model that can answer already, `dpo` moves it less.

Source: Hong et al., "ORPO: Monolithic Preference Optimization without Reference Model" (2024), equations 6 and 7.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from runner.builders.language._fields.backend_field import Backend, backend_option
from runner.builders.language._fields.language_spec import PREFERENCE_MEASURES, ChatModelSpec
from runner.contract import option
from runner.data.preferences.section import PreferencesData
from runner.tasks import generation

TASK = generation.TASK
REQUIRES = ("torch", "transformers", "peft", "accelerate", "safetensors", "numpy")


class Spec(ChatModelSpec):
    """Odds ratio preference optimization."""

    data = PreferencesData
    measures: ClassVar = PREFERENCE_MEASURES

    model_type: Literal["orpo"] = option(description="A language model learns to answer and to prefer at once.")
    backend: Backend = backend_option()
    beta: Annotated[float, Field(gt=0)] = option(0.1, description="What the odds ratio counts beside the likelihood.")
