"""What may be asked of a model that gives a number for each LLM."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from runner.contract import Section, option

Unknown = Literal["zero", "null", "error"]
Name = Annotated[str, Field(min_length=1)]


class LlmOptions(Section):
    """The options of ``infer`` for rankings and lengths."""

    models_to_score: list[Name] | None = option(
        None, description='The LLMs to score; null, or "all" alone: all that the model knows.'
    )
    unknown: Unknown = option(
        "zero",
        description="What an LLM unseen in training gets: a score of zero (with a warning), null, or an error.",
    )
