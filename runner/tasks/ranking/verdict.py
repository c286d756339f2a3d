"""Whether a router is worth having: its choices on the held-out prompts beside those that read no prompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from runner.statistics.paired_bootstrap import Interval
from runner.tasks.ranking import policies
from runner.tasks.ranking.asking import differs_by_prompt
from runner.tasks.ranking.cost_curve import CostCurve
from runner.tasks.ranking.cost_matched_mix import CostMatchedMix
from runner.tasks.ranking.offered_answers import Offered
from runner.tasks.ranking.policies import Policy
from runner.tasks.ranking.redrawn_columns import Redrawn, interval
from runner.tasks.ranking.strong_and_weak import StrongAndWeak

#: With fewer prompts than this no interval says that one policy is better than another.
FEWEST_PROMPTS = 10
ROUTER, ROUTING, SINGLE, RANDOM, SHUFFLED, ORACLE = "router", "routing", "single", "random", "shuffled", "oracle"
MIX = "mix"


@dataclass(frozen=True)
class Told:
    """What a policy is worth."""

    name: str
    quality: Interval
    #: The mean cost of what was called; None where no cost is known.
    cost: float | None
    #: The prompts that it is measured on: those where the worth of its call is known.
    prompts: int
    #: The share of calls by LLM.
    calls: Mapping[str, float]
    #: The share of calls by LLM whose worth is not known.
    unmeasured: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """One figure with its interval, and the prompts behind it. An end that is infinite stands for never."""

    name: str
    found: Interval
    prompts: int


@dataclass(frozen=True)
class Verdict:
    """What the policies are worth, what is gained on each, and what could not be measured."""

    prompts: int
    #: The best single LLM of training; of votes between more than two LLMs the first of a fixed order.
    single: str
    #: Whether every LLM may be called on every prompt.
    free: bool
    #: Whether a score of an answer is measured, and not who won.
    scored: bool
    #: Whether the router's scores differ from prompt to prompt.
    reads: bool
    #: The LLM that the router puts first on every prompt; None where that changes.
    always: str | None
    policies: list[Told]
    measures: dict[str, Measured]
    #: Why a measure is left out, in sentences.
    left_out: list[str]
    #: The two LLMs of the mix, the cheaper first, and the share of the dearer.
    mixed: tuple[str, str, float] | None = None
    #: The strong and the weak LLM.
    pair: tuple[str, str] | None = None
    #: Cost, quality of the router, quality of single LLMs: the corners of both hulls.
    curve: list[tuple[float, float, float]] = field(default_factory=list)

    def surely_above(self, measure: str) -> bool | None:
        """Whether a gain's interval is above 0; None where it was not measured or the prompts are too few."""
        told = self.measures.get(measure)
        if told is None or told.prompts < FEWEST_PROMPTS:
            return None
        return told.found.low > 0

    def as_dict(self) -> dict[str, Any]:
        """The whole as JSON; an end that is not finite is null."""
        return {
            "prompts": self.prompts,
            "best_single": self.single,
            "reads_prompts": self.reads,
            "always": self.always,
            "better_than_single": self.surely_above("gain_over_single"),
            "policies": [
                {"policy": row.name, "quality": row.quality.as_dict(), "cost": row.cost, "prompts": row.prompts}
                | {"calls": dict(row.calls), "not_measured": dict(row.unmeasured)}
                for row in self.policies
            ],
            "measures": {name: row.found.as_dict() | {"prompts": row.prompts} for name, row in self.measures.items()},
            "mix": None if self.mixed is None else dict(zip(("cheaper", "dearer", "share"), self.mixed, strict=True)),
            "strong_and_weak": None if self.pair is None else list(self.pair),
            "left_out": list(self.left_out),
        }


def verdict(
    offered: Offered, scores: np.ndarray, temperature: float, seed: int, routed: np.ndarray | None = None
) -> Verdict | None:
    """Measure a router by its scores on the held-out prompts, float64 ``[M, P']``, all of them.

    The router calls the LLM of the greatest score; ``routed``, int ``[P']``, is what a rule makes it call instead. None
    where nothing was held out. Intervals are 95 % percentile bootstraps over prompts, differences paired.
    """
    if not len(offered.rows):
        return None
    scores = scores[:, offered.rows]
    models = len(offered.models)
    first = policies.first_choice(offered, scores)
    chosen = first if routed is None else np.asarray(routed)[offered.rows]
    reads = differs_by_prompt(scores)
    beside = [policies.fixed(ROUTER, first, models)]
    beside += [policies.fixed(ROUTING, chosen, models)] if routed is not None else []
    beside += [policies.single(offered), policies.at_random(offered)]
    beside += [policies.shuffled(offered, scores)] if reads else []
    beside.append(policies.oracle(offered))
    constant = not reads or (offered.free and len(np.unique(first)) == 1)
    mix = CostMatchedMix.of(offered, chosen) if len(np.unique(chosen)) > 1 else None
    curve = CostCurve.of(offered, scores, temperature) if reads else None
    whole = 0 if curve is None else int(curve.whole.sum())
    if whole < FEWEST_PROMPTS:
        curve = None
    strong = StrongAndWeak.of(offered, scores) if reads else ""
    if isinstance(strong, StrongAndWeak) and (few := int(strong.known.sum())) < FEWEST_PROMPTS:
        strong = f"of only {few} prompt{'s' if few > 1 else ''} {strong.strong} and {strong.weak} are both known"
    columns = _columns(offered, beside)
    for part in (mix, curve, strong):
        columns |= part.columns if part is not None and not isinstance(part, str) else {}
    redrawn = Redrawn.of(columns, offered.rows, seed)
    told = _policies(offered, beside, redrawn)
    found = _gains(beside, redrawn, len(offered.rows))
    mixed = None
    if mix is not None:
        worth, gain, cost, share = mix.found(redrawn)
        count = int(mix.known.sum())
        names = offered.models[mix.cheaper], offered.models[mix.dearer]
        mixed = (*names, share)
        told.insert(-1, Told(MIX, interval(worth), float(cost[0]), count, {names[0]: 1 - share, names[1]: share}))
        found["gain_over_mix"] = (gain, count)
    bought = None
    if curve is not None:
        bought = curve.found(redrawn)
        found |= {f"aiq_{name}".removesuffix("_router"): (each, whole) for name, each in bought.aiq.items()}
        found["aiq_gain"] = (bought.aiq["router"] - bought.aiq["singles"], whole)
        found["cost_saved"] = (bought.saved, whole)
    if isinstance(strong, StrongAndWeak):
        found |= {name: (each, int(strong.known.sum())) for name, each in strong.found(redrawn).items()}
    measures = {
        name: Measured(name, interval(values, count), count)
        for name, (values, count) in found.items()
        if np.isfinite(values[0])
    }
    return Verdict(
        prompts=len(offered.rows),
        single=offered.models[offered.best],
        free=offered.free,
        scored=offered.scored,
        always=offered.models[int(_alone(first, scores))] if constant else None,
        policies=told,
        measures=measures,
        reads=reads,
        left_out=_left_out(offered, whole, curve, strong, measures) if reads else [],
        mixed=mixed,
        pair=(strong.strong, strong.weak) if isinstance(strong, StrongAndWeak) else None,
        curve=bought.drawn() if bought is not None else [],
    )


def _columns(offered: Offered, beside: list[Policy]) -> dict[str, np.ndarray]:
    worth, known = (np.stack(each, axis=1) for each in zip(*(one.worth(offered) for one in beside), strict=True))
    spent, priced = (np.stack(each, axis=1) for each in zip(*(one.spent(offered) for one in beside), strict=True))
    both = known[:, :1] & known
    return {
        "quality": worth,
        "known": known,
        "spent": spent,
        "priced": priced,
        "gain": np.where(both, worth[:, :1] - worth, 0.0),
        "shared": both,
    }


def _policies(offered: Offered, beside: list[Policy], redrawn: Redrawn) -> list[Told]:
    quality, cost = redrawn.ratio("quality", "known"), redrawn.ratio("spent", "priced")
    count = np.rint(redrawn["known"][0] * len(offered.rows)).astype(int)
    rows = []
    for at, policy in enumerate(beside):
        calls, lost = (
            {name: float(share) for name, share in zip(offered.models, shares, strict=True) if share}
            for shares in (policy.calls(), policy.unmeasured(offered))
        )
        spent = float(cost[0, at])
        rows.append(
            Told(
                policy.name,
                interval(quality[:, at]),
                spent if np.isfinite(spent) else None,
                int(count[at]),
                calls,
                lost,
            )
        )
    return rows


def _gains(beside: list[Policy], redrawn: Redrawn, prompts: int) -> dict[str, tuple[np.ndarray, int]]:
    gain = redrawn.ratio("gain", "shared")
    count = np.rint(redrawn["shared"][0] * prompts).astype(int)
    found = {}
    for at, policy in enumerate(beside):
        if policy.name == ORACLE:
            found["gap_to_oracle"] = (0.0 - gain[:, at], int(count[at]))
        elif policy.name not in (ROUTER, ROUTING):
            found[f"gain_over_{policy.name}"] = (gain[:, at], int(count[at]))
    return found


def _alone(first: np.ndarray, scores: np.ndarray) -> int:
    """The LLM that is always called: of votes, the one with the greatest score of all."""
    return int(first[0]) if len(np.unique(first)) == 1 else int(scores.mean(axis=1).argmax())


def _left_out(
    offered: Offered,
    whole: int,
    curve: CostCurve | None,
    strong: StrongAndWeak | str,
    measures: Mapping[str, Measured],
) -> list[str]:
    said = []
    if curve is None:
        if offered.price is None:
            why = "what every LLM's answers cost is not known"
        elif not offered.free:
            why = "votes tell of two LLMs a prompt"
        elif whole:
            why = f"of only {whole} prompt{'s' if whole > 1 else ''} the quality and the cost of every LLM are known"
        else:
            why = "on no prompt are the quality and the cost of every LLM known"
        mix = "" if "gain_over_mix" in measures else ", the mix of two LLMs at the same cost"
        said.append(f"AIQ{mix} and the cost saved are not measured: {why}")
    elif "aiq" not in measures:
        said.append("AIQ and the cost saved are not measured: every LLM costs the same on average")
    elif "cost_saved" not in measures:
        said.append(
            f"No cost is saved at the quality of {offered.models[offered.best]}: no rate reaches it on these prompts"
        )
    elif np.isinf(measures["cost_saved"].found.low):
        said.append(
            "The interval of the cost saved has no lower end: in more than one of 40 bootstrap samples no rate reaches "
            f"the quality of {offered.models[offered.best]}"
        )
    if isinstance(strong, str):
        said.append(f"APGR and CPT are not measured: {strong}")
    elif "apgr" not in measures:
        said.append(
            f"APGR and CPT are not measured: {strong.strong} is no better than {strong.weak} on these prompts, so "
            "there is no gap to recover"
        )
    return said
