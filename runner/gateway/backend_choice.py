"""Which LLM answers a request, and who is asked after it: ``route``'s rules, with what a conversation adds to them.

To a single prompt ``route``'s rule is all there is. A conversation has more that counts:

- what a request needs that an LLM lacks (tools, pictures, length) leaves that LLM out;
- within a loop of tools the LLM that called them goes on;
- an LLM that answered the turn before may still have the prompt in its cache: another one's expected cost is of the
whole
  prompt, its own of what is new. It goes on unless another is better by more than a margin.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from runner.data.prompts import Prompts
from runner.errors import UsageError
from runner.gateway.backends_file import ROUTER, LoadedBackends
from runner.gateway.request_needs import Needs
from runner.gateway.scoring import Scored
from runner.inference.routing.routing import Rule, route
from runner.tasks.ranking.backend_sections import Backend
from runner.tasks.ranking.calibration import probability
from runner.tasks.ranking.llm_choice import by_threshold, order_by_rate, quality
from runner.workspace import Workspace

#: Quality, a chance of the better answer, that another LLM has to have more within a conversation.
MARGIN = 0.05
NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


@dataclass(frozen=True)
class Policy:
    """A rule that is settled: nothing of it depends on what other prompts there are."""

    #: Quality that a unit of cost has to buy.
    rate: float = 0.0
    strong: str | None = None
    weak: str | None = None
    #: The strong LLM's least chance of winning, where there are two.
    threshold: float = 0.5
    margin: float = MARGIN

    def of_model(self, name: str) -> Policy | None:
        """The policy that a request asks for by the name of its model, ``router`` or ``router-0.5``; None for another
        name. The number is the trade-off, and the threshold between two LLMs."""
        if name == ROUTER:
            return self
        head, dash, number = name.partition("-")
        if head != ROUTER or not dash or NUMBER.fullmatch(number) is None:
            return None
        if self.strong is None:
            return replace(self, rate=float(number))
        return replace(self, threshold=float(number)) if float(number) <= 1 else None


@dataclass(frozen=True)
class Before:
    """What is known of the conversation's turn before: who answered, and how much of this prompt it was asked."""

    llm: str
    cached_tokens: float = 0.0


@dataclass(frozen=True)
class Candidate:
    """One LLM for one request."""

    llm: str
    #: Its chance of the better answer, as the router sees it.
    quality: float
    #: What it is expected to cost.
    cost: float
    #: What it lacks, None where it lacks nothing.
    lacking: str | None = None


@dataclass(frozen=True)
class Chosen:
    """Who is asked, and after whom: ``order`` has at least one."""

    order: tuple[str, ...]
    #: ``chosen``, ``session``, ``switched``, ``tool-loop``, or what the first choice lacks: ``tools``, ``images``,
    #: ``length``.
    why: str
    candidates: Mapping[str, Candidate]

    @property
    def llm(self) -> str:
        return self.order[0]


def settle(
    workspace: Workspace,
    router: str,
    rule: Rule,
    backends: LoadedBackends,
    *,
    lengths: str | None = None,
    calibrate_on: Prompts | None = None,
    margin: float = MARGIN,
    device: str = "cpu",
) -> Policy:
    """A rule as a policy: a budget becomes a rate, and a share a threshold, on the prompts ``calibrate_on``.

    Raises :class:`UsageError` for a rule that contradicts itself, that names no backend, or has no prompts to be set
    on; what ``route`` raises.
    """
    rule.check()
    if rule.ties is not None:
        raise UsageError("a request is never divided by chance", where="--ties", hint="leave it out")
    if not 0 <= margin <= 1:
        raise UsageError(f"{margin} is not between 0 and 1", where="--switch-margin")
    for flag, name in (("--strong", rule.strong), ("--weak", rule.weak)):
        if name is not None and name not in backends.backends:
            there = ", ".join(backends.backends)
            raise UsageError(f"no backend answers for {name!r}", where=flag, hint=f"there are: {there}")
    on_others = rule.budget is not None or rule.strong_share is not None
    if on_others and calibrate_on is None:
        flag = "--budget" if rule.budget is not None else "--strong-share"
        raise UsageError(
            "is kept over many prompts, and a request is one", where=flag, hint="set it on a file: --calibrate-on FILE"
        )
    if not on_others and calibrate_on is not None:
        raise UsageError("there is no --budget or --strong-share to calibrate for", where="--calibrate-on")
    names = [rule.strong, rule.weak] if rule.strong and rule.weak else list(backends.backends)
    costs = backends.costs()
    undecided = costs.need_lengths(names)
    if undecided and lengths is None and rule.strong is None:
        raise UsageError(
            f"what {', '.join(undecided)} costs depends on the answer's length",
            where=backends.source,
            hint='name a length model with --lengths, or say "answer_tokens" in the price',
        )
    if not on_others or calibrate_on is None:
        return Policy(rule.trade_off or 0.0, rule.strong, rule.weak, rule.threshold or 0.0, margin)
    routed = route(workspace, router, calibrate_on, costs, rule, models=names, lengths=lengths, device=device)
    return Policy(routed.choice.rate or 0.0, rule.strong, rule.weak, routed.choice.threshold or 0.0, margin)


def candidates_of(
    backends: Mapping[str, Backend],
    names: Sequence[str],
    scored: Scored,
    temperature: float,
    needs: Needs,
    before: Before | None = None,
    max_tokens: int | None = None,
) -> dict[str, Candidate]:
    """Every LLM's quality and expected cost for one request. ``scored`` is of ``names``, in their order."""
    worth = quality(scored.scores[:, None], temperature)[:, 0].tolist()
    found = {}
    for at, name in enumerate(names):
        backend = backends[name]
        told = math.nan if scored.answer_tokens is None else float(scored.answer_tokens[at])
        answer = (backend.price.answer_tokens or 0.0) if math.isnan(told) else told
        if max_tokens is not None:
            answer = min(answer, float(max_tokens))
        cached = before.cached_tokens if before is not None and before.llm == name else 0.0
        cost = backend.price.of(needs.prompt_tokens, answer, cached)
        found[name] = Candidate(name, worth[at], cost, needs.lacking(backend))
    return found


def choose(
    policy: Policy, candidates: Mapping[str, Candidate], scores: Mapping[str, float], temperature: float,
    needs: Needs, before: Before | None = None,
) -> Chosen | None:  # fmt: skip
    """Who is asked. None where no LLM has what the request needs."""
    able = [each for each in candidates.values() if each.lacking is None]
    if not able:
        return None
    wins = None
    if policy.strong is not None and policy.weak is not None:
        wins = float(probability(np.array((scores[policy.strong] - scores[policy.weak]) / temperature)))
    order = _order(policy, able, wins)
    first = order[0] if len(able) == len(candidates) else _order(policy, list(candidates.values()), wins)[0]
    why = candidates[first].lacking or "chosen"
    current = candidates.get(before.llm) if before is not None else None
    if current is not None and current.lacking is None:
        if needs.in_tool_loop:
            return Chosen(_first(current.llm, order), "tool-loop", candidates)
        if order[0] != current.llm:
            switches = _worth_a_switch(policy, candidates[order[0]], current, wins)
            why = "switched" if switches else "session"
            return Chosen(order if switches else _first(current.llm, order), why, candidates)
        why = "session"
    return Chosen(order, why, candidates)


def _first(llm: str, order: tuple[str, ...]) -> tuple[str, ...]:
    return (llm, *(name for name in order if name != llm))


def _order(policy: Policy, able: Sequence[Candidate], wins: float | None) -> tuple[str, ...]:
    """All of them, the best by the policy first."""
    if wins is None:
        return _by_rate(able, policy.rate)
    pair = (str(policy.strong), str(policy.weak))
    at = int(by_threshold(np.array([wins]), policy.threshold).chosen[0])
    two = [name for name in (pair[at], pair[1 - at]) if any(each.llm == name for each in able)]
    return (*two, *_by_rate([each for each in able if each.llm not in pair], 0.0))


def _by_rate(able: Sequence[Candidate], rate: float) -> tuple[str, ...]:
    order = order_by_rate([each.quality for each in able], [each.cost for each in able], rate)
    return tuple(able[at].llm for at in order)


def _worth_a_switch(policy: Policy, best: Candidate, current: Candidate, wins: float | None) -> bool:
    """Whether another LLM takes a conversation over. Its cost is of a whole prompt, the current one's of what is
    new."""
    if wins is None:
        gain = (best.quality - policy.rate * best.cost) - (current.quality - policy.rate * current.cost)
        return gain > policy.margin
    if best.llm == policy.strong:
        return wins >= policy.threshold + policy.margin
    return wins < policy.threshold - policy.margin and best.cost < current.cost


def read_calibration(path: Path | None) -> Prompts | None:
    """The prompts that a rule is set on, where a file of them is named."""
    from runner.data.prompts import from_file

    return None if path is None else from_file(path)
