"""The page of a gateway: who answered how much, why, and what was saved; from the counters that ``/metrics`` shows."""

from __future__ import annotations

import time
from collections import defaultdict
from decimal import Decimal

from runner.gateway.counters import Counters
from runner.gateway.gateway_completer import Gateway
from runner.pages.cards import card
from runner.pages.html import Markup, join, pairs, table, tag
from runner.pages.page import whole_page


def page(gateway: Gateway) -> str:
    """The whole page, as it is now."""
    counters = gateway.counters
    requests = _by(counters, "requests_total", "model")
    total = sum(requests.values())
    cost, saved = sum(_by(counters, "cost_total", "model").values()), _one(counters, "saved")
    title = "Gateway" if gateway.present is None else "Gateway, in shadow"
    head = tag("header", join([tag("p", gateway.root, "kind"), tag("h1", title)]))
    if gateway.present is None:
        would = f"{saved / (cost + saved):.1%} of always asking {gateway.strongest}" if cost + saved > 0 else ""
        spared = card("Saved", _amount(saved), would)
    else:
        silent = sum(_by(counters, "shadow_choices_total", "model").values())
        spared = card("Silent choices", f"{silent:,.0f}", "runner gateway report LOG says what they would have saved")
    running = _one(counters, "in_flight")
    cards = tag(
        "div",
        join([
            card("Requests", f"{total:,.0f}", f"{running:,.0f} under way"),
            card("Cost", _amount(cost), f"{_amount(cost / total)} a request" if total else ""),
            spared,
            card("Failures", f"{sum(_by(counters, 'failovers_total', 'model').values()):,.0f}",
                 f"of backends; {_one(counters, 'unanswered_total'):,.0f} requests that nobody answered"),
        ]),
        "cards",
    )  # fmt: skip
    sections = [
        ("Traffic", join([cards, _llms(gateway, requests, total)])),
        ("Why", _why(counters, total)),
        ("Failures", _failures(counters)),
        ("Rule", pairs(_rule(gateway))),
    ]
    return whole_page(title, [head], sections, time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()))


def _llms(gateway: Gateway, requests: dict[str, float], total: float) -> Markup:
    counters = gateway.counters
    costs, shadow = _by(counters, "cost_total", "model"), _by(counters, "shadow_choices_total", "model")
    tokens: dict[tuple[str, str], float] = defaultdict(float)
    for labels, value in counters.values("tokens_total"):
        tokens[labels["model"], labels["kind"]] += value
    waited, counted = (
        _by(counters, "first_piece_seconds_sum", "model"),
        _by(counters, "first_piece_seconds_count", "model"),
    )
    # What matters most first: on a narrow screen the rest is reached by scrolling.
    header = ["LLM", "share", "cost", "requests", "first piece", "prompt tokens", "answer tokens"]
    silent = sum(shadow.values())
    if gateway.present is not None:
        header.insert(2, "the router would")
    rows = []
    for name in sorted(gateway.backends, key=lambda name: -requests.get(name, 0.0)):
        own = requests.get(name, 0.0)
        row = [
            name,
            f"{own / total:.1%}" if total else "",
            _amount(costs.get(name, 0.0)),
            f"{own:,.0f}",
            f"{waited[name] / counted[name]:.3g} s" if counted.get(name) else "",
            f"{tokens[name, 'prompt'] + tokens[name, 'cached']:,.0f}",
            f"{tokens[name, 'completion']:,.0f}",
        ]
        if gateway.present is not None:
            row.insert(2, f"{shadow.get(name, 0.0) / silent:.1%}" if silent else "")
        rows.append(row)
    return table(header, rows, ("", *["n"] * (len(header) - 1)))


def _why(counters: Counters, total: float) -> Markup:
    words = {
        "chosen": "the router's choice",
        "session": "stays with its conversation",
        "switched": "another was better by more than the margin, the lost cache counted",
        "tool-loop": "within a loop of tools",
        "tools": "the router's choice calls no tools",
        "images": "the router's choice sees no pictures",
        "length": "the prompt is too long for the router's choice",
        "failover": "the one before failed",
        "asked": "asked for by name",
        "present": "the present model, in shadow",
        "router-failed": "the router could not read it",
    }
    found = _by(counters, "requests_total", "why")
    rows = [
        (words.get(why, why), f"{count / total:.1%}", f"{count:,.0f}")
        for why, count in sorted(found.items(), key=lambda item: -item[1])
    ]
    return table(("why", "share", "requests"), rows, ("", "n", "n")) if rows else Markup()


def _failures(counters: Counters) -> Markup:
    rows = [
        (labels["model"], labels["reason"], f"{value:,.0f}") for labels, value in counters.values("failovers_total")
    ]
    rows += [
        (labels["model"], "broke off in the middle of an answer", f"{value:,.0f}")
        for labels, value in counters.values("requests_total")
        if labels["outcome"] == "broken"
    ]
    if lost := _one(counters, "log_lost_total"):
        rows.append(("", "lines of the log that could not be written", f"{lost:,.0f}"))
    return table(("LLM", "what it did", "times"), rows, ("", "", "n")) if rows else Markup()


def _rule(gateway: Gateway) -> list[tuple[object, object]]:
    policy = gateway.policy
    told: list[tuple[object, object]] = [("router", gateway.root)]
    if policy.strong is None:
        told.append(("trade-off", f"{policy.rate:.6g} of quality for a unit of cost"))
    else:
        told.append(("strong, weak", f"{policy.strong}, {policy.weak}"))
        told.append(("threshold", f"{policy.threshold:.6g}"))
    told += [("margin of a switch", f"{policy.margin:.6g} of quality"), ("saved against", gateway.strongest)]
    if gateway.present is not None:
        told.append(("answers in shadow", gateway.present))
    if gateway.log is not None:
        told.append(("log", "with texts" if gateway.log.texts else "without texts"))
    return told


def _by(counters: Counters, metric: str, label: str) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for labels, value in counters.values(metric):
        found[labels[label]] += value
    return found


def _one(counters: Counters, metric: str) -> float:
    return sum(value for _, value in counters.values(metric))


def _amount(value: float) -> str:
    """Four figures, and no exponent: costs are small."""
    return format(Decimal(f"{value:.4g}"), "f")
