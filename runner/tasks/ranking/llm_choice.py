"""Which LLM answers which prompt, given scores and costs. Pure functions over arrays ``[LLMs, prompts]``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from runner.tasks.ranking.calibration import probability

#: Beside a seed: which of several equal prompts go to the strong LLM.
TIES_SALT = 0x74
#: Values that differ by less are equal.
EQUAL = 1e-12
#: Halvings when a rate is searched for: far below any price's last digit.
STEPS = 200


def quality(scores: np.ndarray, temperature: float) -> np.ndarray:
    """An LLM's chance of the better answer against another candidate drawn at random, float64 ``[M, P]`` in [0, 1].

    ``P(i beats j) = sigmoid((score_i - score_j) / temperature)``, so it means the same for every kind of router,
    whatever its scores' scale. A single candidate has one half.
    """
    count = len(scores)
    total = np.zeros(scores.shape)
    for other in range(count):
        # One LLM at a time: [M, M, P] would be large where [M, P] is not.
        total += probability((scores - scores[other]) / temperature)
    # Each was compared with itself once, which is one half.
    return (total - 0.5) / (count - 1) if count > 1 else np.full(scores.shape, 0.5)


@dataclass(frozen=True)
class Choice:
    """What was chosen, and by which rate or threshold."""

    #: int64 ``[P]``, an index into the LLMs.
    chosen: np.ndarray
    #: Quality that a unit of cost has to buy; None where a threshold decided.
    rate: float | None = None
    #: The strong LLM's least chance of winning; None where a rate decided.
    threshold: float | None = None


def by_rate(quality: np.ndarray, cost: np.ndarray, rate: float) -> Choice:
    """The LLM of the greatest ``quality - rate * cost``; of equals the cheapest, then the first.

    At rate 0 cost only decides between equals; the greater the rate, the cheaper the choice.
    """
    value = quality - rate * cost
    best = value >= value.max(axis=0) - EQUAL
    return Choice(np.where(best, cost, np.inf).argmin(axis=0).astype(np.int64), rate=rate)


def order_by_rate(quality: Sequence[float], cost: Sequence[float], rate: float) -> list[int]:
    """The LLMs of one prompt, ``[M]`` each, in the order in which :func:`by_rate` would choose them, each among those
    that are left. In floats: for so few numbers an array's beginning takes longer than its sums."""
    values = [worth - rate * price for worth, price in zip(quality, cost, strict=True)]
    left, order = list(range(len(values))), []
    while left:
        least = max(values[at] for at in left) - EQUAL
        order.append(min((at for at in left if values[at] >= least), key=cost.__getitem__))
        left.remove(order[-1])
    return order


def within_budget(quality: np.ndarray, cost: np.ndarray, budget: float) -> Choice | None:
    """The choice of the least rate whose mean cost is at most ``budget``; None where even the cheapest is dearer.

    Mean cost falls as the rate rises (a Lagrangian relaxation of choosing under a budget), so bisection finds it.
    """
    # A mean of floats may be a rounding above what it is.
    limit = budget * (1 + 1e-12)
    if mean_of(cost, np.asarray(cost.argmin(axis=0))) > limit:
        return None
    low, high = 0.0, 1.0
    if mean_of(cost, by_rate(quality, cost, 0.0).chosen) <= limit:
        return by_rate(quality, cost, 0.0)
    while mean_of(cost, by_rate(quality, cost, high).chosen) > limit:
        low, high = high, high * 4
        if high > 1e30:
            # Costs that differ by nothing that a float can weigh.
            return Choice(cost.argmin(axis=0).astype(np.int64), rate=high)
    for _ in range(STEPS):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if mean_of(cost, by_rate(quality, cost, middle).chosen) > limit:
            low = middle
        else:
            high = middle
    return by_rate(quality, cost, high)


def by_threshold(strong_wins: np.ndarray, threshold: float) -> Choice:
    """Index 0, the strong LLM, where its chance of winning ``[P]`` reaches the threshold; else 1 (RouteLLM's rule)."""
    return Choice(np.where(strong_wins >= threshold, 0, 1).astype(np.int64), threshold=threshold)


def threshold_for_share(strong_wins: np.ndarray, share: float) -> float:
    """The threshold that sends ``share`` of these prompts to the strong LLM (Ong et al., 2024, section 4).

    ``strong_wins`` is ``[P]``. The share is met as nearly as equal chances allow, from below: at most
    ``round(share * P)`` prompts reach it.
    """
    wanted = round(share * len(strong_wins))
    order = np.sort(strong_wins)[::-1]
    if wanted <= 0:
        return float(np.nextafter(order[0], np.inf))
    if wanted >= len(order):
        return float(order[-1])
    if order[wanted - 1] > order[wanted]:
        return float(order[wanted - 1])
    # The prompts around the border are alike: none of them goes to the strong LLM.
    above = order[order > order[wanted]]
    return float(above[-1]) if len(above) else float(np.nextafter(order[wanted], np.inf))


@dataclass(frozen=True)
class Ties:
    """Prompts of one chance that stand across the border of a share: a threshold sends all of them or none."""

    #: The strong LLM's chance of winning on each of them.
    chance: float
    #: How many they are, how many prompts have a greater chance, and how many the share would send.
    count: int
    above: int
    wanted: int

    @property
    def part(self) -> float:
        """The part of them that makes up the share."""
        return (self.wanted - self.above) / self.count


def ties_at_share(strong_wins: np.ndarray, share: float) -> Ties | None:
    """What keeps a threshold from sending ``share`` of these prompts, ``[P]``; None where one can."""
    wanted = round(share * len(strong_wins))
    order = np.sort(strong_wins)[::-1]
    if not 0 < wanted < len(order) or order[wanted - 1] > order[wanted]:
        return None
    chance = order[wanted]
    return Ties(float(chance), int((order == chance).sum()), int((order > chance).sum()), wanted)


def by_ties(strong_wins: np.ndarray, ties: Ties, seed: int) -> Choice:
    """Index 0, the strong LLM, above the ties' chance and for a random part of the prompts that have just it."""
    tied = np.flatnonzero(strong_wins == ties.chance)
    rng = np.random.default_rng([seed, TIES_SALT])
    chosen = np.where(strong_wins > ties.chance, 0, 1).astype(np.int64)
    chosen[rng.permutation(tied)[: round(ties.part * len(tied))]] = 0
    return Choice(chosen, threshold=ties.chance)


def mean_of(table: np.ndarray, chosen: np.ndarray) -> float:
    """The mean of what was chosen in a table ``[M, P]``."""
    return float(table[chosen, np.arange(table.shape[1])].mean())


def curve(quality: np.ndarray, cost: np.ndarray, points: int = 60) -> list[tuple[float, float, float]]:
    """(rate, mean cost, mean quality) from the best choice to the cheapest, distinct costs only."""
    found: dict[float, tuple[float, float, float]] = {}
    spread = float(cost.max() - cost.min())
    scale = 1.0 / spread if spread > 0 else 1.0
    for rate in [0.0, *(scale * np.logspace(-3, 3, points))]:
        chosen = by_rate(quality, cost, float(rate)).chosen
        spent = mean_of(cost, chosen)
        found.setdefault(round(spent, 12), (float(rate), spent, mean_of(quality, chosen)))
    return sorted(found.values(), key=lambda point: point[1])
