"""How a verdict reads: sentences, and the tables that a run records."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from runner.contract import Table
from runner.pages.harmless_text import clean
from runner.pages.numbers import number, signed_interval

if TYPE_CHECKING:
    from runner.tasks.ranking.verdict import Measured, Verdict

POLICIES, VERDICT, CURVE = "policies", "verdict", "cost_quality"
#: The measures that stand among a run's metrics too, the first with its interval.
HEADLINE = "gain_over_single"
METRICS = (HEADLINE, "gain_over_random", "gap_to_oracle", "aiq", "apgr", "cost_saved")
PLACES = 3
#: LLMs that a cell of calls names.
MOST_NAMED = 2


def metrics(told: Verdict) -> dict[str, float | int | None]:
    """What of it stands among the metrics of a run; what was not measured does not."""
    found: dict[str, float | int | None] = {}
    for name in METRICS:
        if (measured := told.measures.get(name)) is not None:
            found[name] = measured.found.value
            if name == HEADLINE:
                found |= measured.found.ends(name)
    return found


def recorded(told: Verdict, also: Sequence[str] = ()) -> dict[str, dict[str, object]]:
    """The tables of a run: the policies, the measures with the sentences as their note, and the curve.

    ``also`` are sentences that end the note.
    """
    names = policy_names(told)
    costs = [row.cost for row in told.policies if row.cost]
    places = max(0, min(12, 3 - math.floor(math.log10(max(costs))))) if costs else PLACES
    shown = (PLACES, PLACES, PLACES, places)
    policies = Table(
        name=POLICIES,
        title="Beside other ways to choose",
        columns=("policy", "quality", "low", "high", "mean cost", "prompts", "calls"),
        rows=[
            (names[row.name], *row.quality.as_dict().values(), row.cost, row.prompts, calls(row.calls, row.unmeasured))
            for row in told.policies
        ],
        plot="bars",
        note=measure_of(told) + " 95 % bootstrap intervals over prompts.",
        decimals=dict(zip(("quality", "low", "high", "mean cost"), shown, strict=True)),
    )
    labels = measure_names(told)
    measures = Table(
        name=VERDICT,
        title="Verdict",
        columns=("measure", "value", "low", "high", "prompts"),
        rows=[(labels[name], *row.found.as_dict().values(), row.prompts) for name, row in told.measures.items()],
        note="\n".join([*sentences(told), *also]),
        decimals=dict.fromkeys(("value", "low", "high"), PLACES),
    )
    found = [policies, measures]
    if told.curve:
        found.append(
            Table(
                name=CURVE,
                title="Quality over cost",
                columns=("mean cost", "this router", "single LLMs"),
                rows=told.curve,
                plot="line",
                note="What can be had for a mean cost: by this router, and by single LLMs and their random mixtures. "
                "AIQ is the mean height of a line.",
                decimals={"mean cost": places, "this router": PLACES, "single LLMs": PLACES},
            )
        )
    return {table.name: table.as_dict() for table in found}


def measure_of(told: Verdict) -> str:
    """What the quality is."""
    if told.scored:
        return "Quality is the mean score of the answers of the LLMs that are called."
    return "Quality is how often the called LLM's answer won, of those that were compared; a tie counts one half."


def policy_names(told: Verdict) -> dict[str, str]:
    """Policies in words."""
    mixed = "" if told.mixed is None else f"{told.mixed[0]} and {told.mixed[1]} mixed, same cost"
    return {
        "router": "this router",
        "routing": "this routing",
        "single": _single(told),
        "random": "random",
        "shuffled": "shuffled scores",
        "mix": mixed,
        "oracle": "oracle",
    }


def measure_names(told: Verdict) -> dict[str, str]:
    """Measures in words."""
    strong, weak = told.pair or ("", "")
    return {
        "gain_over_random": "gain over random",
        "gain_over_single": f"gain over {_single(told)}",
        "gain_over_mix": "gain over the mix at the same cost",
        "gain_over_shuffled": "gain over shuffled scores",
        "gap_to_oracle": "gap to the oracle",
        "aiq": "AIQ",
        "aiq_singles": "AIQ of single LLMs",
        "aiq_shuffled": "AIQ of shuffled scores",
        "aiq_gain": "gain in AIQ over single LLMs",
        "cost_saved": f"cost saved at the quality of {told.single}",
        "apgr": f"APGR, {strong} over {weak}",
        "cpt_50": "CPT 50 %",
        "cpt_80": "CPT 80 %",
        "strong_calls_saved": "strong calls saved at the strong one's quality",
    }


def sentences(told: Verdict) -> list[str]:
    """What the measures say: whether it beats the best single LLM, the mix at its cost, all mixes; what is left out."""
    said = [_against_single(told)]
    ruled = any(row.name == "routing" for row in told.policies)
    if told.mixed is not None and "gain_over_mix" in told.measures:
        cheaper, dearer, share = told.mixed
        mixture = f"{dearer} for a random {share:.0%} of the prompts and {cheaper} for the others, at the same cost"
        found = _judged(told, "gain_over_mix", mixture, "routing" if ruled else "router")
        said.append(f"This routing: {_small(found)}" if ruled else found)
    elif ruled and (lost := _not_measured(told, "routing")):
        said.append(f"This routing: {_small(lost)}.")
    if (gain := told.measures.get("aiq_gain")) is not None:
        mixtures = "single LLMs and their random mixtures"
        said.append(f"Over all costs {_small(_verdict(told, 'aiq_gain', mixtures))} (AIQ): {_gain(gain)}.")
    return [*said, *(f"{text}." for text in told.left_out)]


def over_budget(told: Verdict, budget: float | None) -> list[str]:
    """A sentence where the held-out choices cost more than a mean budget that was given."""
    rows = {row.name: row for row in told.policies}
    row = rows.get("routing", rows["router"])
    if budget is None or row.cost is None or row.cost <= budget * (1 + 1e-9):
        return []
    return [
        f"Its choices cost {row.cost:.6g} a prompt on the held-out prompts, above the budget of {budget:g}: "
        "that is kept by expected costs, on the prompts that were asked about."
    ]


def calls(shares: Mapping[str, float], unmeasured: Mapping[str, float]) -> str:
    """``large 64%, small 30% (not measured), 4 others 6%``: of an LLM none of whose calls has a worth that is known."""
    ranked = sorted(shares.items(), key=lambda item: -item[1])
    shown = [
        f"{clean(name)} {share:.0%}" + (" (not measured)" if unmeasured.get(name, 0.0) > share - 1e-9 else "")
        for name, share in ranked[:MOST_NAMED]
    ]
    rest = [share for _, share in ranked[MOST_NAMED:]]
    if rest:
        shown.append(f"{len(rest)} other{'s' if len(rest) > 1 else ''} {sum(rest):.0%}")
    return ", ".join(shown)


def _against_single(told: Verdict) -> str:
    gain = told.measures.get("gain_over_single")
    rival = f"{_single(told)}, the best {'single LLM' if told.free else 'by the votes'} of training"
    against = f"Nothing tells whether it is better than {rival}: on no prompt is what both call known."
    if gain is not None:
        against = _judged(told, "gain_over_single", rival, "router")
    if told.always is None:
        return against
    alone = f"always {told.always}" if told.free else f"one order of the LLMs, {told.always} first"
    said = f"Its first choice is {alone}"
    if not told.reads:
        same = "Its first choice is" if told.free else "Its scores are"
        said = f"{same} the same for all held-out prompts: {alone}"
    if told.always == told.single and told.free:
        return f"{said}, the best single LLM of training, so it is no better than that."
    return f"{said}. {against}"


def _judged(told: Verdict, measure: str, rival: str, policy: str) -> str:
    """One sentence: better or not; where calls of the policy are not measured, how many, and on what it is judged."""
    measured = told.measures[measure]
    found = f"{_verdict(told, measure, rival)}: {_gain(measured)}."
    if not (lost := _not_measured(told, policy)):
        return found
    both = f"on the {number(measured.prompts)} prompt{'s' if measured.prompts > 1 else ''} where both are known"
    return f"{lost}; {both}, {_small(found)}"


def _not_measured(told: Verdict, policy: str) -> str:
    """How many of the policy's calls have a worth that is not known, and of which LLMs; empty where none has."""
    lost = next((row.unmeasured for row in told.policies if row.name == policy), {})
    if not lost:
        return ""
    ranked = [clean(name) for name, _ in sorted(lost.items(), key=lambda item: -item[1])]
    rest = len(ranked) - MOST_NAMED
    more = f" and {rest} other{'s' if rest > 1 else ''}" if rest > 0 else ""
    share = sum(lost.values())
    part = f"{100 * share:.0f} %" if share >= 0.01 else "less than 1 %"
    return f"Not measured for {part} of its calls ({', '.join(ranked[:MOST_NAMED])}{more})"


def _small(text: str) -> str:
    return text[:1].lower() + text[1:]


def _verdict(told: Verdict, measure: str, rival: str) -> str:
    sure = told.surely_above(measure)
    if sure is None:
        return f"Too few held-out prompts to tell whether it is better than {rival}"
    return f"{'Better' if sure else 'No better'} than {rival}"


def _gain(measured: Measured) -> str:
    found = measured.found
    within = signed_interval(found.low, found.high, PLACES)
    within = f"95 % interval {within}" if found.has_ends else within
    return f"gain {found.value:+z.{PLACES}f} ({within}) over {number(measured.prompts)} prompts"


def _single(told: Verdict) -> str:
    return f"always {told.single}" if told.free else f"a fixed order, {told.single} first"
