"""A language model that is trained on: it learns to go on with plain texts, word by word.

Every text is followed by the end-of-text token. One longer than `max_length` becomes several rows, so that no tail is
lost; with `packing` short ones share a row, and none sees another. The loss is the mean negative log-likelihood of a
token (nats).

Use it when a model lacks the language of a field, and there are texts of it: before the model is taught to answer. For
answers to questions, use `sft`, which may begin with the stored model: `"base_model_name": "causal_lm/NAME"`.

Source: Gururangan et al., "Don't Stop Pretraining" (2020).
"""

from __future__ import annotations

from typing import Literal

from runner.builders.language._fields.backend_field import Backend, backend_option
from runner.builders.language._fields.language_spec import LanguageModelSpec, Packing, packing_option
from runner.contract import option
from runner.data.texts.section import TextsData
from runner.tasks import generation

TASK = generation.TASK
#: Names that it has elsewhere: nothing is to be set for them.
CALLED = {"pt": "", "pretraining": "", "pretrain": "", "cpt": "", "continued_pretraining": ""}
REQUIRES = ("torch", "transformers", "peft", "accelerate", "safetensors", "numpy")


class Spec(LanguageModelSpec):
    """Continued training on texts."""

    data = TextsData

    model_type: Literal["causal_lm"] = option(description="A language model is trained on, on plain texts.")
    backend: Backend = backend_option()
    packing: Packing = packing_option("packed")
    label_smoothing: float = option(
        0.0, ge=0, lt=1, description="Share of every token's odds that is spread over the vocabulary in training."
    )
