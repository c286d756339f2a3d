"""What may be asked of a model that gives a number for each LLM."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from runner.contract import AskOptions, option
from runner.errors import UsageError

Unknown = Literal["zero", "null", "mean", "error"]
#: The one word that stands for every LLM that the model knows.
ALL = "all"


class LlmOptions(AskOptions):
    """The options of ``infer`` for rankings and lengths."""

    models_to_score: list[str] | None = option(
        None, description='The LLMs to score; null, or "all" alone: all that the model knows.'
    )
    unknown: Unknown = option(
        "zero",
        description="What an LLM unseen in training gets: a score of zero (with a warning), null, what the mean of the "
        "known LLMs gets (mean, where a type has such a mean: those that embed LLMs, and lengths), or an error.",
    )
    responses_of: list[tuple[str, str]] = option(
        factory=list, description="LLMs unseen in training and the files of what they answered: pairs of name and path."
    )

    def check(self) -> None:
        if self.models_to_score is not None:
            check_names(self.models_to_score)

    def files(self) -> list[Path]:
        return [Path(path) for _, path in self.responses_of]


def check_names(models: Sequence[str]) -> None:
    """Raise :class:`UsageError` for what cannot be LLMs' names."""
    if not models:
        raise UsageError("no models to score", where="--models-to-score", hint="name at least one LLM, or all")
    if "" in models:
        raise UsageError("an LLM's name is empty", where="--models-to-score", hint="leave it out")
    # Reading prompts takes longer to import than all else that checking a spec of a router does here.
    from runner.data.prompts import need_text

    need_text("--models-to-score", models)
