"""What held-out answers cost: as the data says, else by their own tokens, else as the table of costs expects."""

from __future__ import annotations

from typing import Literal

import numpy as np

from runner.inference.routing.costs import Costs
from runner.tasks.ranking.held_out_outcomes import HeldOutcomes
from runner.tasks.ranking.prices import MILLION

Source = Literal["the data's own", "the table's prices for the data's own tokens", "the table's"]


def costs_of(held: HeldOutcomes, costs: Costs, expected: np.ndarray) -> tuple[np.ndarray, Source]:
    """The cost of each answer, float64 ``[P, M]``, and where most of it is from.

    ``expected`` is what :meth:`Costs.expected` gives of the same prompts and LLMs, ``[M, P]``: it fills in what the
    data does not tell.
    """
    prices = [costs.prices[name] for name in held.models]
    call, paid_in, paid_out = np.array([[price.call, price.input, price.output] for price in prices]).T
    counted = call + (paid_in * held.prompt_tokens + paid_out * held.completion_tokens) / MILLION
    table = np.where(np.isnan(counted), expected.T, counted)
    source: Source = "the table's" if np.isnan(counted).all() else "the table's prices for the data's own tokens"
    return np.where(np.isnan(held.cost), table, held.cost), "the data's own" if held.has_costs else source
