"""The options of ``infer`` for generated text."""

from __future__ import annotations

from runner.contract import AskOptions, option


class GenerationOptions(AskOptions):
    """How a text is drawn."""

    max_new_tokens: int = option(256, ge=1, le=1_000_000, description="Tokens of an answer, at most.")
