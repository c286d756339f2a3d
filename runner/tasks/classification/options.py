"""What may be asked of a classifier."""

from __future__ import annotations

from runner.contract import Section, option


class ClassificationOptions(Section):
    """The options of ``infer`` for classes."""

    top_k: int | None = option(
        None, ge=1, description="Give the so many most probable classes with their scores, beside the label."
    )
    probabilities: bool = option(False, description="Give the probability of every class.")
    threshold: float | None = option(
        None,
        ge=0,
        le=1,
        description="The probability from which on a row is of the second of two classes; null: the model's own.",
    )
