"""What may be asked of a model that gives numbers."""

from __future__ import annotations

from runner.contract import Section, option


class RegressionOptions(Section):
    """The options of ``infer`` for numbers."""

    decimals: int | None = option(
        None, ge=0, le=15, description="Round the numbers to so many decimals; null: as they are."
    )
