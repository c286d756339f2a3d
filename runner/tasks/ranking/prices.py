"""What one LLM costs, as a table of costs and a file of backends have it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from runner.contract import Section, option

#: Beyond any currency's, and small enough that sums stay finite.
Amount = Annotated[float, Field(ge=0, le=1e15)]
#: Prices are given for this many tokens.
MILLION = 1_000_000


class Price(Section):
    """What one LLM costs, in any one currency."""

    call: Amount = option(0.0, description="The cost of a call, whatever its length.")
    input: Amount = option(0.0, description="The price of a million tokens of prompt.")
    output: Amount = option(0.0, description="The price of a million tokens of answer.")
    answer_tokens: Annotated[float, Field(gt=0)] | None = option(
        None, description="How long an answer is, where no length model says."
    )


def half_priced(price: Price) -> list[str]:
    """A price for one of prompt and answer alone: what was forgotten would be free."""
    told = [name for name in ("input", "output") if name in price.model_fields_set]
    if len(told) != 1:
        return []
    other = "output" if told == ["input"] else "input"
    return [f"a price for {told[0]} and none for {other}; where {other} is free, say 0"]
