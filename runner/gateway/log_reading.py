"""The lines of a gateway's log as requests, each with the grade that it was given later."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from runner.errors import DataError, NotFoundError
from runner.gateway.request_log import VERSION
from runner.store.files import cannot_read
from runner.tasks.ranking.backend_sections import TokenPrice

HINT = "a log is what `runner serve --router ... --log FILE` writes"
AMOUNTS = ("prompt_tokens", "cached_tokens", "completion_tokens", "kept_tokens", "cost", "saved", "seconds")


@dataclass
class Logged:
    """What a log has: its requests by their ids, in their order, and what was not used of it."""

    requests: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: Request -> the score that it was given, the last where there are several.
    scores: dict[str, float] = field(default_factory=dict)
    #: Pairs of requests, the better first.
    better: list[tuple[str, str]] = field(default_factory=list)
    #: Of the requests that are read next.
    prices: dict[str, TokenPrice] = field(default_factory=dict)
    #: Reason -> lines.
    dropped: Counter[str] = field(default_factory=Counter)

    def answered(self) -> list[dict[str, Any]]:
        """Those that were answered to their end by what a router may choose."""
        return [line for line in self.requests.values() if line["outcome"] == "ok"]


def read_log(path: Path) -> Logged:
    """All lines of a log. What is no line of one is counted; raises :class:`DataError` where nothing else is there."""
    found = Logged()
    for line in _lines(path):
        try:
            document = json.loads(line)
        except (ValueError, RecursionError):
            found.dropped["not JSON, such as a line that was cut"] += 1
            continue
        reason = _take(found, document)
        if reason is not None:
            found.dropped[reason] += 1
    if not found.requests:
        why = found.dropped.most_common(1)
        told = f": {why[0][1]:,} lines are {why[0][0]}" if why else ""
        raise DataError(f"there is no request in it{told}", where=str(path), hint=HINT)
    return found


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open("rb") as file:
            for raw in file:
                text = raw.decode("utf-8", "replace").strip()
                if text:
                    yield text
    except FileNotFoundError:
        raise NotFoundError("there is no such file", where=str(path), hint=HINT) from None
    except OSError as error:
        raise cannot_read(path, error) from error


def _take(found: Logged, line: Any) -> str | None:
    """Add a line. Returns why it is not used, None where it is."""
    if not isinstance(line, dict) or line.get("event") not in ("gateway", "request", "feedback"):
        return "no line of a gateway's log"
    if line.get("v") != VERSION:
        return f"of another version than {VERSION}"
    if line["event"] == "feedback":
        return _feedback(found, line)
    if line["event"] == "gateway":
        return _begun(found, line)
    if not all(isinstance(line.get(name), str) for name in ("id", "model", "outcome", "session")):
        return "a request without its id, model, session or outcome"
    for name in AMOUNTS:
        value = line.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return f"a request whose {name} is no number"
    found.requests[line["id"]] = line | {"prices": found.prices}
    return None


def _begun(found: Logged, line: dict[str, Any]) -> str | None:
    """A gateway has begun to write: its prices are those of the requests that follow."""
    try:
        found.prices = {str(name): TokenPrice.model_validate(price) for name, price in line["prices"].items()}
    except (KeyError, AttributeError, ValidationError):
        return "a beginning without prices"
    return None


def _feedback(found: Logged, line: dict[str, Any]) -> str | None:
    name, score, than = line.get("id"), line.get("score"), line.get("better_than")
    if isinstance(name, str) and isinstance(than, str):
        found.better.append((name, than))
        return None
    if not isinstance(name, str) or isinstance(score, bool) or not isinstance(score, int | float):
        return "feedback without a request or a score"
    found.scores[name] = float(score)
    return None
