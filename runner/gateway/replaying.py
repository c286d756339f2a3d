"""A proposed router over the requests of a log: whom it would have asked, turn after turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from runner.data.prompt_rows import Row
from runner.gateway import backend_choice
from runner.gateway.backend_choice import Before, Policy
from runner.gateway.log_reading import Logged
from runner.gateway.request_needs import Needs
from runner.gateway.scoring import AT_ONCE, Scored, Scorer
from runner.gateway.shadow_report import Replayed
from runner.tasks.ranking.backend_sections import Backend


def replay(
    logged: Logged, scorer: Scorer, backends: Mapping[str, Backend], policy: Policy
) -> tuple[list[Replayed], Counter[str]]:
    """The choices, and the requests that count for nothing by the reason. Conversations are gone through in the log's
    order, as a gateway would have: each turn knows whom the turn before would have asked."""
    left_out, lines = Counter[str](), []
    for line in logged.requests.values():
        texts = line.get("texts")
        if line["outcome"] != "ok":
            left_out["not answered to its end"] += 1
        elif not isinstance(texts, dict) or not isinstance(texts.get("prompt"), str):
            left_out["no text: it was logged without --log-texts"] += 1
        elif line["model"] not in backends:
            left_out[f"answered by {line['model']}, which has no backend here"] += 1
        else:
            lines.append(line)
    found, before = [], dict[str, str]()
    for line, scored in zip(lines, _scored(lines, scorer), strict=True):
        session = line["session"]
        needs = Needs(
            prompt_tokens=line["prompt_tokens"],
            longest=line["prompt_tokens"] + line["completion_tokens"],
            tools=bool(line.get("tools")),
            images=bool(line.get("images")),
            in_tool_loop=bool(line.get("tool_loop")),
        )
        last = Before(before[session], line["kept_tokens"]) if session in before else None
        names, temperature = scorer.names, scorer.temperature
        candidates = backend_choice.candidates_of(backends, names, scored, temperature, needs, last)
        scores = dict(zip(names, scored.scores.tolist(), strict=True))
        chosen = backend_choice.choose(policy, candidates, scores, temperature, needs, last)
        if chosen is None:
            left_out["no backend has what it needs"] += 1
            continue
        before[session] = chosen.llm
        qualities = {name: each.quality for name, each in candidates.items()}
        prices = {name: backends[name].price for name in names}
        found.append(Replayed(line, chosen.llm, qualities, prices))
    return found, left_out


def _scored(lines: list[dict[str, Any]], scorer: Scorer) -> list[Scored]:
    found: list[Scored] = []
    for start in range(0, len(lines), AT_ONCE):
        texts = [line["texts"] for line in lines[start : start + AT_ONCE]]
        rows = [Row(each["prompt"], tuple(map(str, each.get("history", ())))) for each in texts]
        found += scorer.of(rows)
    return found
