"""What a router would have saved, and cost in quality, on the requests of a log: its silent choices, or those of a
proposed router that is replayed over it.

The quality of a choice is the router's own expectation: the chance of the better answer against another candidate. It
is no grade of what was answered, and the report says so; where users graded answers, those of the two sides stand
beside it. Intervals are 95 % percentile bootstraps over conversations, whose requests are not independent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runner.errors import DataError
from runner.gateway.log_reading import Logged
from runner.pages.numbers import signed_interval

if TYPE_CHECKING:
    from runner.statistics.paired_bootstrap import Interval
    from runner.tasks.ranking.backend_sections import TokenPrice

#: Of the bootstrap samples.
SEED = 0x67


@dataclass(frozen=True)
class Replayed:
    """One request and who would have answered it."""

    line: Mapping[str, Any]
    chosen: str
    #: LLM -> expected quality.
    qualities: Mapping[str, float]
    #: LLM -> its prices.
    prices: Mapping[str, TokenPrice]


@dataclass(frozen=True)
class Report:
    """What came of it."""

    requests: int
    conversations: int
    #: LLM -> share of the requests, of those that answered, and of those that the router would have asked.
    answered_by: Mapping[str, float]
    would_ask: Mapping[str, float]
    #: Means of a request.
    present_cost: Interval
    router_cost: Interval
    saved: Interval
    #: The share of the present cost that is saved.
    saved_share: Interval
    #: The router's expectation of quality, its own choice's less the present one's.
    quality: Interval
    agreed: float
    #: Requests that count for nothing, by the reason.
    left_out: Mapping[str, int] = field(default_factory=dict)
    #: The mean of users' scores where the router would have asked the same LLM, and elsewhere; None without any.
    graded: Mapping[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        from runner.statistics.paired_bootstrap import Interval

        return {
            name: value.as_dict()
            if isinstance(value, Interval)
            else dict(value)
            if isinstance(value, Mapping)
            else value
            for name, value in vars(self).items()
        }

    def sentences(self) -> list[str]:
        """What it says, in words."""
        quality = self.quality
        within = signed_interval(quality.low, quality.high)
        if self.agreed == 1 or quality.value == quality.low == quality.high == 0:
            worth = "It would have asked the same LLM each time."
        elif quality.holds_zero:
            worth = (
                f"By its own expectation the chance of the better answer is {quality.value:+z.3f} "
                f"({within}): no difference that is sure."
            )
        else:
            word = "greater" if quality.value > 0 else "less"
            worth = (
                f"By its own expectation the chance of the better answer is {word}: {quality.value:+z.3f} ({within})."
            )
        share = self.saved_share
        if not share.has_ends:
            spent = f"It would have saved {share.value:.1%} of what was spent: {self.saved.value:.6g} a request."
            if share.value < 0:
                spent = f"It would have cost {-share.value:.1%} more: {-self.saved.value:.6g} a request."
            return [f"{spent} One conversation alone tells no interval.", worth]
        spent = (
            f"It would have saved {share.value:.1%} ({share.low:.1%} to {share.high:.1%}) of what was spent: "
            f"{self.saved.value:.6g} a request ({self.saved.low:.6g} to {self.saved.high:.6g})."
        )
        if share.high < 0:
            spent = (
                f"It would have cost {-share.value:.1%} more ({-share.high:.1%} to {-share.low:.1%}): "
                f"{-self.saved.value:.6g} a request."
            )
        elif share.low <= 0 <= share.high and self.saved.value:
            spent += " That may as well be nothing."
        return [spent, worth]


def silent_choices(logged: Logged) -> tuple[list[Replayed], Counter[str]]:
    """The choices that a gateway made in shadow, as its log has them."""
    found, left_out = [], Counter[str]()
    for line in logged.requests.values():
        shadow, qualities, prices = line.get("shadow"), line.get("qualities"), line["prices"]
        if line["outcome"] != "ok":
            left_out["not answered to its end"] += 1
        elif "shadow" not in line:
            left_out["not in shadow"] += 1
        elif not isinstance(shadow, dict) or not isinstance(qualities, dict):
            left_out["the router had no choice"] += 1
        elif not {line["model"], shadow.get("model")} <= qualities.keys() & prices.keys():
            left_out["an LLM that the router does not choose from"] += 1
        else:
            found.append(Replayed(line, shadow["model"], qualities, prices))
    return found, left_out


def report(
    replayed: Sequence[Replayed], left_out: Mapping[str, int], where: str, scores: Mapping[str, float] | None = None
) -> Report:
    """What the choices come to, the requests in the order of the log. A choice costs what its prices make of the tokens
    that were used. Raises :class:`DataError` where no request counts."""
    import numpy as np

    from runner.statistics.paired_bootstrap import resample

    if not replayed:
        why = ", ".join(f"{reason} ({count:,})" for reason, count in left_out.items())
        shadow = "serve with --shadow --present LLM for a while; `runner gateway replay` needs no shadow"
        hint = shadow if "not in shadow" in left_out else None
        raise DataError(f"no request counts: {why or 'there is none'}", where=where, hint=hint)
    present = np.array([float(each.line["cost"]) for each in replayed])
    router = np.array(_costs(replayed))
    gain = np.array([each.qualities[each.chosen] - each.qualities[each.line["model"]] for each in replayed])
    sessions = [each.line["session"] for each in replayed]
    _, group = np.unique(sessions, return_inverse=True)
    drawn = resample(np.stack([present, router, gain], axis=1), group, SEED)

    def share(means: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            # Of what cost nothing nothing is saved; what is NaN, as all that one conversation redraws, stays so.
            return np.where(means[..., 0] == 0, 0.0, 1 - means[..., 1] / means[..., 0])[..., None]

    same = np.array([each.chosen == each.line["model"] for each in replayed])
    return Report(
        requests=len(replayed),
        conversations=int(group.max()) + 1,
        answered_by=_shares([each.line["model"] for each in replayed]),
        would_ask=_shares([each.chosen for each in replayed]),
        present_cost=drawn.interval(0),
        router_cost=drawn.interval(1),
        saved=drawn.difference(0, 1),
        saved_share=drawn.of(share).interval(0),
        quality=drawn.interval(2),
        agreed=float(same.mean()),
        left_out=dict(left_out),
        graded=_graded(replayed, scores or {}),
    )


def _costs(replayed: Sequence[Replayed]) -> list[float]:
    """What each choice costs. That of the LLM that answered is what it was; another has what it was asked the turn
    before in its cache, where it would have been asked that."""
    costs, before = [], dict[str, str]()
    for each in replayed:
        line, session = each.line, each.line["session"]
        if each.chosen == line["model"]:
            costs.append(float(line["cost"]))
        else:
            kept = line["kept_tokens"] if before.get(session) == each.chosen else 0.0
            costs.append(each.prices[each.chosen].of(line["prompt_tokens"], line["completion_tokens"], kept))
        before[session] = each.chosen
    return costs


def _shares(names: Sequence[str]) -> dict[str, float]:
    return {name: count / len(names) for name, count in Counter(names).most_common()}


def _graded(replayed: Sequence[Replayed], scores: Mapping[str, float]) -> dict[str, Any] | None:
    """Users' scores of the answers that there are, where the router agrees with who gave them, and where not."""
    kept = [(each, scores[each.line["id"]]) for each in replayed if each.line["id"] in scores]
    if not kept:
        return None

    def side(agrees: bool) -> dict[str, Any]:
        own = [score for each, score in kept if (each.chosen == each.line["model"]) is agrees]
        return {"answers": len(own), "mean_score": sum(own) / len(own) if own else None}

    return {"router_agrees": side(True), "router_differs": side(False)}
