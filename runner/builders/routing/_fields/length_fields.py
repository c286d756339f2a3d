"""The fields that every kind that predicts lengths has. Light: checking a spec loads it."""

from __future__ import annotations

from typing import ClassVar, Literal

from runner.contract import ModelSpec, option


class LengthFields(ModelSpec):
    """What is predicted of a length that nobody can know."""

    reads_winners: ClassVar[bool] = False

    predict: Literal["median", "mean", "relative"] = option(
        "median",
        description="median (half of the responses are longer: the least absolute error), mean (for totals, such as a "
        "cost) or relative (the least expected |predicted - actual| / actual, which lies lower), fitted for each LLM "
        "on the held-out responses.",
    )
