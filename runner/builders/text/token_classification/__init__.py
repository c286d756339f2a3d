"""Entities in texts: a pretrained encoder reads a text and says of every word whether it is in an entity, and which.

A word's tag is learned at its first token, and read there. Texts that are longer than `max_length` are read in windows
that share `stride` tokens, and each word is learned and read in the window in which it has the most text around it, so
that no end of a text is lost. Tags of an answer belong together: an entity goes on only where one began.

Use it when names of people, places and products are to be found, or parts of texts such as quantities and quotes.
Where the whole text is of one class, `text_classification` says which; for the part of a text that answers a question
there is `extractive_qa`.

Source: Devlin et al., BERT (2019), section 5.3; Viterbi (1967); Ramshaw and Marcus (1995).
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import model_validator

from runner.builders.text._fields.encoder_fields import EncoderSpec
from runner.contract import invalid, option
from runner.data.tagged_tokens.section import TaggedTokensData
from runner.tasks import token_labels

TASK = token_labels.TASK
REQUIRES = ("torch", "transformers", "peft", "accelerate", "safetensors", "numpy")
#: The least tokens that a window has beside those that it shares: special tokens, and one that is new.
ROOM = 3


class Spec(EncoderSpec):
    """Entities in texts."""

    data = TaggedTokensData
    measures: ClassVar = {
        "f1": "higher", "precision": "higher", "recall": "higher", "f1_macro": "higher", "token_accuracy": "higher",
        "log_loss": "lower",
    }  # fmt: skip

    model_type: Literal["token_classification"] = option(description="Entities in texts, word by word.")
    max_length: int = option(128, ge=8, le=1_000_000, description="Tokens of a window, special ones included.")
    stride: int = option(
        32, ge=0, description="Tokens that two windows of a long text share; less than a window has room for."
    )
    labelled: Literal["first", "all"] = option(
        "first",
        description="Which tokens of a word are learned: the first, or all, those behind the first as going on.",
    )
    outside_weight: float = option(
        1.0,
        gt=0,
        le=1000,
        description="The weight of words that are in no entity in the loss; less finds more entities.",
    )
    label_smoothing: float = option(
        0.0, ge=0, lt=1, description="The share of a tag's probability that is spread over all tags as what is learned."
    )

    @model_validator(mode="after")
    def _windows_go_on(self) -> Any:
        if self.stride > self.max_length - ROOM:
            raise invalid(
                ("stride",),
                "over_length",
                f"a window of {self.max_length} tokens, which max_length says, has to have new ones: at most "
                f"{self.max_length - ROOM}",
            )
        return self
