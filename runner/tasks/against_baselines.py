"""Whether a model beats the best of its baselines: in a table of one row, whose note says it in a sentence.

Model and baselines are measured on the same held-out rows, so that the paired difference decides, and not whether two
intervals overlap.
"""

from __future__ import annotations

from collections.abc import Mapping

from runner.contract import Table, Task
from runner.pages.numbers import finite, number, signed_interval
from runner.statistics.paired_bootstrap import ALL_ALIKE, Interval, Resampled, known
from runner.statistics.paired_difference import FEWEST, paired_difference, surely_above, surely_below

#: What the table is called. ``runner train`` ends with its note.
NAME = "against_best"


def against_best(
    task: Task, own: Resampled | None, rivals: Mapping[str, Resampled | None], *, share: bool
) -> list[Table]:
    """A table of the task's headline of the model less its best rival's, with the interval of the paired difference.

    Each has the headline in its first column, redrawn by the same groups and seed. ``share``: whether it is from 0 to 1
    of each group. None where the model's, or every rival's, is undefined.
    """
    defined = {name: one for name, one in rivals.items() if one is not None and finite(float(one.mean[0])) is not None}
    if own is None or finite(float(own.mean[0])) is None or not defined:
        return []
    best = max(defined, key=lambda name: task.headline.key(float(defined[name].mean[0])))
    return [table(task, best, paired_difference(own, defined[best], share=share), own.groups)]


def table(task: Task, rival: str, found: Interval, groups: int) -> Table:
    """The table of a difference, own less the rival's, that was drawn from so many groups of rows."""
    measure = task.headline
    better = surely_above(found) if measure.better == "higher" else surely_below(found)
    return Table(
        NAME,
        f"Against {task.rival}",
        ("baseline", "difference", "low", "high", "surely better"),
        [(rival, known(found.value), known(found.low), known(found.high), better)],
        note=sentence(task, rival, found, groups),
        decimals=dict.fromkeys(("difference", "low", "high"), measure.decimals),
    )


def sentence(task: Task, rival: str, found: Interval, groups: int) -> str:
    """``NOT surely better than the best baseline, linear map: 0.004 above (paired 95 % interval -0.011 to +0.019)``.

    A model that is surely better is so much above, of a loss below, its rival; one that is surely worse is NOT better.
    """
    measure = task.headline
    higher = measure.better == "higher"
    beaten = task.rival if rival in task.rival else f"{task.rival}, {rival}"
    within = f"paired 95 % interval {signed_interval(found.low, found.high, measure.decimals or 3)}"
    if not found.has_ends:
        few = f"too few held-out {task.held_out_noun} for an interval"
        within = few if groups < FEWEST else "without an interval: all samples are alike"
    far = f"{number(abs(found.value), measure.decimals)} {'above' if found.value > 0 else 'below'}"
    if abs(found.value) <= ALL_ALIKE:
        return f"NOT better than {beaten}: equal to it ({within})"
    better, worse = surely_above(found), surely_below(found)
    better, worse = (better, worse) if higher else (worse, better)
    if better:
        return f"{far} {beaten} ({within})"
    return f"NOT {'' if worse else 'surely '}better than {beaten}: {far} ({within})"
