"""A request on its way through a gateway, and the line that the log of requests has of it once it is over."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from runner.gateway.backend_choice import Before
from runner.gateway.request_log import RequestLog
from runner.gateway.request_needs import Needs
from runner.gateway.request_routing import Decision
from runner.gateway.routed_answer import Outcome
from runner.serving.completions import Request


@dataclass(frozen=True)
class Tried:
    """A request on its way: what was decided, and who failed."""

    request: Request
    started: float
    needs: Needs
    decision: Decision
    key: str
    before: Before | None
    #: LLM -> what it did instead of answering.
    failed: dict[str, str]
    #: What the router chooses silently, in shadow mode.
    silent: asyncio.Task[Decision | None] | None = None


def log_line(
    log: RequestLog,
    router: str,
    strongest: str,
    tried: Tried,
    llm: str,
    why: str,
    outcome: Outcome,
    silent: Decision | None,
) -> dict[str, object]:
    """What the log of requests has of one that is over: who answered and why, what it cost, what else was weighed."""
    found, decision = outcome.account(), silent or tried.decision
    policy = decision.policy
    line: dict[str, object] = {
        "event": "request",
        "id": outcome.id,
        "session": log.session(tried.key),
        "asked": tried.request.model,
        "model": llm,
        "why": why,
        "outcome": outcome.ended,
        "router": router,
        "against": strongest,
        "prompt_tokens": found.prompt_tokens,
        "cached_tokens": found.cached_tokens,
        "completion_tokens": found.completion_tokens,
        "estimated": found.estimated,
        "kept_tokens": tried.before.cached_tokens if tried.before is not None else 0.0,
        "cost": found.cost,
        "saved": found.saved,
        "seconds": round(outcome.ended_at - tried.started, 6),
        "streamed": tried.request.streamed,
        "tools": tried.needs.tools,
        "images": tried.needs.images,
        "tool_loop": tried.needs.in_tool_loop,
        "failed": dict(outcome.failed),
    }
    if policy is not None:
        two = {"strong": policy.strong, "weak": policy.weak, "threshold": policy.threshold}
        line["rule"] = {"rate": policy.rate} if policy.strong is None else two
    if decision.candidates:
        line["qualities"] = {name: round(each.quality, 6) for name, each in decision.candidates.items()}
        line["costs"] = {name: each.cost for name, each in decision.candidates.items()}
        line["lacking"] = {name: each.lacking for name, each in decision.candidates.items() if each.lacking}
    if tried.silent is not None:
        line["shadow"] = None if silent is None else {"model": silent.llm, "why": silent.why}
    return line | log.words(decision.row, outcome.text())
