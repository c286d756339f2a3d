"""The fields of kinds that read texts with a pretrained encoder."""

from __future__ import annotations

from typing import ClassVar

from runner.builders._finetuning._fields.finetuned_spec import FinetunedSpec
from runner.contract import option


class EncoderSpec(FinetunedSpec):
    """A pretrained text encoder that is trained on."""

    default_epochs: ClassVar = 3
    default_batch_size: ClassVar = 16

    base_model_name: str = option(
        min_length=1,
        pretrained=True,
        description="The text encoder that training begins with: a Hub name, a folder, or a stored model, TYPE/NAME.",
        examples=["sentence-transformers/all-MiniLM-L6-v2", "runner/tiny-bert"],
    )
    max_length: int = option(
        256,
        ge=4,
        le=1_000_000,
        description="Tokens of a row that are read; the rest is cut, and such rows are counted.",
    )
