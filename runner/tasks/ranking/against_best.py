"""Whether a router beats the best of the baselines beside it, on the same held-out comparisons."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from runner.contract import Table
from runner.data.comparisons import Comparisons
from runner.statistics.paired_bootstrap import Interval, resample
from runner.tasks.ranking import TASK
from runner.tasks.ranking.measuring import ranked_right

Sides = tuple[np.ndarray, np.ndarray]


def against_best(own: Sides, rivals: Mapping[str, Sides], comparisons: Comparisons, seed: int) -> Table | None:
    """The router's accuracy less that of the most accurate rival, with the interval of the paired difference.

    Scores are those of both sides of every comparison, float64 ``[n]``. The table's note says in a sentence what the
    difference shows. None where nothing is decided, or nothing stands beside it.
    """
    decided = comparisons.decided
    if not decided.any() or not rivals:
        return None
    names = list(rivals)
    columns = [ranked_right(*sides, comparisons)[decided] for sides in (own, *rivals.values())]
    means = [column.mean() for column in columns[1:]]
    best = int(np.argmax(means))
    pair = np.stack([columns[0], columns[1 + best]], axis=1)
    gain = resample(pair, comparisons.prompt[decided], seed).difference(0, 1)
    return Table(
        name="against_best",
        title="Against the best baseline",
        columns=("baseline", "gain", "low", "high", "surely better"),
        rows=[(names[best], gain.value, gain.low, gain.high, gain.low > 0)],
        note=sentence(names[best], gain),
        decimals=dict.fromkeys(("gain", "low", "high"), TASK.headline.decimals),
    )


def sentence(rival: str, gain: Interval) -> str:
    """``NOT surely better than the best baseline, linear map: 0.004 above (paired 95 % interval -0.011 to 0.019)``."""
    places = TASK.headline.decimals
    within = f"(paired 95 % interval {gain.low:+z.{places}f} to {gain.high:+z.{places}f})"
    within = within if gain.has_ends else "(of one prompt there is no interval)"
    if gain.low > 0:
        return f"{gain.value:.{places}f} above the best baseline, {rival} {within}"
    sure = "surely " if gain.value > 0 else ""
    far = f"{abs(gain.value):.{places}f} {'above' if gain.value > 0 else 'below'}" if gain.value else "equal to it"
    return f"NOT {sure}better than the best baseline, {rival}: {far} {within}"
