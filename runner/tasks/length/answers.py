"""Tokens of LLMs' answers: a number for each prompt and LLM, as scores are."""

from __future__ import annotations

from collections.abc import Callable

from runner.tasks.answers import OpenedModel
from runner.tasks.ranking.answers import LlmAnswers
from runner.tasks.ranking.llm_options import LlmOptions

#: What a length of zero is, which an LLM unseen in training gets.
ZERO = "predicted 0 tokens, which is no answer's length"


def open_answers(
    opened: OpenedModel, options: LlmOptions, say: Callable[[str], None] = lambda text: None
) -> LlmAnswers:
    """See :class:`~runner.tasks.ranking.answers.LlmAnswers`."""
    return LlmAnswers(opened, options, zero=ZERO)
