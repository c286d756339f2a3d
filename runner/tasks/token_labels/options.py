"""What may be asked of a tagger at inference."""

from __future__ import annotations

from runner.contract import AskOptions, option


class TokenLabelOptions(AskOptions):
    """The options of ``infer`` for entities."""

    min_score: float = option(0.0, ge=0, le=1, description="Leave out entities whose score is less.")
    tags: bool = option(False, description="Add the tokens with the tag of each.")
