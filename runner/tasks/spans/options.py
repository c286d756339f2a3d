"""What may be asked of a model that finds answers in texts."""

from __future__ import annotations

from runner.contract import AskOptions, option


class SpanOptions(AskOptions):
    """The options of ``infer`` for answers in texts."""

    n_best: int | None = option(
        None, ge=1, le=1000, description="Give the so many best answers with their scores, beside the answer."
    )
    max_answer_length: int | None = option(
        None, ge=1, description="Tokens of the longest answer; null: the model's own."
    )
    null_threshold: float | None = option(
        None,
        description="How much more no answer has to score than the best answer, so that none is given; null: the "
        "model's own, which a model trained without unanswerable questions does not have: it always answers.",
    )
