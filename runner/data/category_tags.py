"""The 12 category tags of a prompt, as published comparisons annotate them and as rows to be scored may."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Reading prompts needs no arrays.
    import numpy as np

    from runner.data.comparisons import Comparisons

#: The column of the annotations in comparisons.
TAG_COLUMN = "category_tag"

#: The 12 category features: our name -> (annotation, its field).
TAGS: dict[str, tuple[str, str]] = {
    "creative_writing": ("creative_writing_v0.1", "creative_writing"),
    "creative_writing_score": ("creative_writing_v0.1", "score"),
    "complexity": ("criteria_v0.1", "complexity"),
    "creativity": ("criteria_v0.1", "creativity"),
    "domain_knowledge": ("criteria_v0.1", "domain_knowledge"),
    "problem_solving": ("criteria_v0.1", "problem_solving"),
    "real_world": ("criteria_v0.1", "real_world"),
    "specificity": ("criteria_v0.1", "specificity"),
    "technical_accuracy": ("criteria_v0.1", "technical_accuracy"),
    "instruction_following": ("if_v0.1", "if"),
    "instruction_following_score": ("if_v0.1", "score"),
    "math": ("math_v0.1", "math"),
}

#: Where nothing is known.
NO_TAGS = (math.nan,) * len(TAGS)


def tag_values(annotation: Any) -> tuple[float, ...]:
    """An object of annotations as 12 numbers, in the order of ``TAGS``; NaN for what it does not say."""
    values = []
    for group, name in TAGS.values():
        fields = annotation.get(group) if isinstance(annotation, dict) else None
        values.append(tag_number(fields.get(name)) if isinstance(fields, dict) else math.nan)
    return tuple(values)


def tag_number(value: Any) -> float:
    """A tag as a number: booleans and yes/no become 1 and 0, what says nothing NaN."""
    if isinstance(value, str):
        word = value.strip().lower()
        if word in ("yes", "true", "no", "false"):
            return float(word in ("yes", "true"))
        try:
            value = float(word)
        except ValueError:
            return float("nan")
    if isinstance(value, bool | int | float) and abs(value) < 1e9:
        return float(value)
    return float("nan")


def prompt_tags(splits: Sequence[Comparisons]) -> np.ndarray:
    """The category tags of every prompt, float32 ``[len(prompts), 12]``: those of its first row that has the tag."""
    import numpy as np

    table = np.full((len(splits[0].prompts), len(TAGS)), np.nan, np.float32)
    for split in splits:
        for column, name in enumerate(TAGS):
            values = split.tags.get(name, np.zeros(0))
            known = np.flatnonzero(~np.isnan(values))[::-1]
            fresh = known[np.isnan(table[split.prompt[known], column])]
            # Backwards, so that the first row is the one that stays.
            table[split.prompt[fresh], column] = values[fresh]
    return table
