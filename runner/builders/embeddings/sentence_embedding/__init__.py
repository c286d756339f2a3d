"""A vector for a text, near to those of texts that mean the same: a sentence encoder, fine-tuned on pairs.

A pretrained transformer reads each text by itself, its token vectors become one, and a loss over pairs moves those of
texts that belong together nearer to each other. The losses are those of sentence-transformers, which loads what is
stored as it stands.

Use it when texts are searched, grouped, or looked through for duplicates, and for the prompts of a router. Two texts
that have to be compared word by word are better read together: cross_encoder.

Source: Reimers and Gurevych, "Sentence-BERT" (2019).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from runner.builders._finetuning._fields.finetuned_spec import FinetunedSpec
from runner.builders.embeddings._fields.loss_fields import IN_BATCH, LossSpec
from runner.builders.embeddings._fields.negative_fields import HardNegatives
from runner.contract import Section, departs, invalid, option
from runner.data.text_pairs.section import TextPairsData
from runner.tasks import embedding

TASK = embedding.TASK
REQUIRES = ("torch", "transformers", "sentence-transformers", "peft", "accelerate", "safetensors", "numpy", "scipy")

Pooling = Literal["mean", "cls", "max", "lasttoken", "mean_sqrt_len_tokens"]


class TextPrompts(Section):
    """What is put before a text."""

    anchor: str = option("", max_length=4096, description="Before an anchor: a query, a question, a first sentence.")
    positive: str = option("", max_length=4096, description="Before every other text: a passage, an answer.")


class Spec(FinetunedSpec):
    """Sentence encoder."""

    data = TextPairsData
    measures: ClassVar = {measure.metric: measure.better for measure in TASK.measures}
    default_epochs: ClassVar = 1
    # Other rows of a batch are negatives, and scores are compared within it: its size is part of what is learned.
    takes_auto_batch_size: ClassVar = False

    model_type: Literal["sentence_embedding"] = option(description="A vector for a text, learned from pairs of texts.")
    max_length: int = option(128, ge=2, le=1_000_000, description="Tokens of a text that are read; the rest is cut.")
    loss: LossSpec | None = option(
        None,
        description="What is learned of the pairs. null: multiple_negatives_ranking of pairs and triplets, cosent of "
        "scores, softmax of classes.",
    )
    batches: Literal["no_duplicates", "any"] = option(
        "no_duplicates",
        description="no_duplicates: no two rows of a batch share a text, which would be taken for a negative. any: "
        "rows as they are drawn. Of losses whose negatives are the other rows of a batch.",
    )
    hard_negatives: HardNegatives | None = option(
        None, description="Negatives that are looked for before the training, among the other rows' texts."
    )
    matryoshka_dims: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1, max_length=32)] | None = option(
        None,
        description="Lengths to which a vector can be cut, each of which is trained too (Kusupati et al., 2022); null: "
        "the whole vector alone.",
        examples=[[384, 192, 96]],
    )
    pooling: Pooling | None = option(
        None, description="How token vectors become a text's; null: as the base does, else mean."
    )
    normalize: bool | None = option(
        None, description="Whether a vector is given the length 1; null: as the base does, else not."
    )
    prompts: TextPrompts | None = option(
        None, description="What is put before the texts, in training and in use; null: what the base puts there."
    )

    @model_validator(mode="after")
    def _has_effect(self) -> Self:
        if self.loss is not None and not isinstance(self.loss, IN_BATCH) and departs(self, "batches"):
            raise invalid(("batches",), "void", f"has no effect: {self.loss.loss_type} takes no negatives from a batch")
        if self.hard_negatives is not None and self.loss is not None and "pair" not in self.loss.forms + _mined(self):
            raise invalid(("hard_negatives",), "void", f"has no effect: {self.loss.loss_type} takes no negatives")
        return self


def _mined(spec: Spec) -> tuple[str, ...]:
    """The forms that negatives make of pairs."""
    assert spec.loss is not None
    return ("pair",) if "triplet" in spec.loss.forms else ()
