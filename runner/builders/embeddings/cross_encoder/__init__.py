"""How alike two texts are, or what they are to each other, by reading both together: a cross-encoder.

A pretrained transformer reads the two texts as one, so that every word of one can look at every word of the other, and
a linear layer gives a score or a class. It has no vectors: to search, it puts in order what words or a sentence encoder
have found.

Use it when search results are to be put in a better order, or two texts have to be compared word by word. For many
texts against many take sentence_embedding.

Source: Nogueira and Cho, "Passage Re-ranking with BERT" (2019).
"""

from __future__ import annotations

from typing import ClassVar, Literal

from runner.builders._finetuning._fields.finetuned_spec import FinetunedSpec
from runner.contract import option
from runner.data.text_pairs.section import TextPairsData
from runner.tasks import embedding

TASK = embedding.TASK
REQUIRES = ("torch", "transformers", "peft", "accelerate", "safetensors", "numpy", "scipy")


class Spec(FinetunedSpec):
    """Cross-encoder."""

    data = TextPairsData
    measures: ClassVar = {measure.metric: measure.better for measure in TASK.measures}
    default_epochs: ClassVar = 1

    model_type: Literal["cross_encoder"] = option(
        description="A score or a class of two texts that are read together, learned from pairs of texts."
    )
    max_length: int = option(
        256, ge=4, le=1_000_000, description="Tokens of both texts that are read; the longer is cut first."
    )
    negatives: int = option(
        3,
        ge=1,
        le=100,
        description="Of pairs that belong together: how many other rows' texts are put beside each anchor, as pairs "
        "that do not, behind the row's own negatives.",
    )
    score_loss: Literal["binary_cross_entropy", "mean_squared_error"] = option(
        "binary_cross_entropy",
        description="What is learned of a score from 0 to 1, or of whether texts belong together.",
    )
