"""The field by which a spec asks what each input of a model is worth. Light: checking a spec loads it."""

from __future__ import annotations

from runner.contract import Section, option


class InputImportance(Section):
    """A base of specs of models that read the prompt."""

    importance_repeats: int = option(
        0,
        ge=0,
        le=100,
        resume="free",
        description="How often each input, each group of prompt features and each single one is shuffled among the "
        "held-out rows, 1000 at most, to see what it is worth to the headline measure; 0 does not.",
    )
