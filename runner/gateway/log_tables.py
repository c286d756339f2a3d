"""A gateway's log as data to train on: a matrix of outcomes, a table of comparisons, or prompts to be graded anew.

What users graded is a score for one LLM's answer to one prompt. A prompt that several LLMs answered, in the same log
or by the same users again, has a row of the matrix with several scores. Where the grades are few, ``prompts`` are what
``runner data collect`` asks every LLM and grades by a judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from runner.gateway.log_reading import Logged


@dataclass
class Made:
    """Rows, and requests that gave none, by the reason."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def outcomes(logged: Logged) -> Made:
    """Rows of the long form, one for each answer that has a score: what ``data.outcomes`` reads as ``long``."""
    made = Made()
    for line in _answered(logged, made):
        score = logged.scores.get(line["id"])
        if score is None:
            made.left_out["no score: nobody graded it"] += 1
            continue
        texts = line["texts"]
        row = {
            "prompt": texts["prompt"],
            "model": line["model"],
            "score": score,
            "cost": line["cost"],
            "prompt_tokens": line["prompt_tokens"],
            "completion_tokens": line["completion_tokens"],
            "latency": line["seconds"],
            "response": texts.get("response", ""),
        }
        made.rows.append(row | ({"history": texts["history"]} if texts.get("history") else {}))
    return made


def comparisons(logged: Logged) -> Made:
    """Rows of a comparisons table: two LLMs' answers to one prompt, of which one was said to be better, or scored
    more."""
    made = Made()
    by_id = {line["id"]: line for line in _answered(logged, made)}
    for better, worse in logged.better:
        first, second = by_id.get(better), by_id.get(worse)
        if first is None or second is None:
            made.left_out["a comparison with a request that is not there"] += 1
        elif _question(first) != _question(second):
            made.left_out["a comparison of answers to two prompts"] += 1
        elif first["model"] == second["model"]:
            made.left_out["a comparison of an LLM with itself"] += 1
        else:
            made.rows.append(_comparison(first, second, "model_a"))
    graded: dict[Any, dict[str, tuple[float, dict[str, Any]]]] = {}
    for line in by_id.values():
        if line["id"] in logged.scores:
            graded.setdefault(_question(line), {})[line["model"]] = (logged.scores[line["id"]], line)
    for answers in graded.values():
        each = list(answers.values())
        for at, (score, line) in enumerate(each):
            for other_score, other in each[at + 1 :]:
                winner = "tie" if score == other_score else "model_a" if score > other_score else "model_b"
                made.rows.append(_comparison(line, other, winner))
    return made


def prompts(logged: Logged) -> Made:
    """Every prompt once, with its history as messages: what ``runner data collect --prompts-file`` reads."""
    made, seen = Made(), set()
    for line in _answered(logged, made):
        key = _question(line)
        if key in seen:
            made.left_out["the same prompt again"] += 1
            continue
        seen.add(key)
        made.rows.append({"id": line["id"], "messages": _messages(line)})
    return made


def _answered(logged: Logged, made: Made) -> Iterator[dict[str, Any]]:
    for line in logged.requests.values():
        texts = line.get("texts")
        if line["outcome"] != "ok":
            made.left_out["not answered to its end"] += 1
        elif not isinstance(texts, dict) or not isinstance(texts.get("prompt"), str) or not texts["prompt"].strip():
            made.left_out["no text: it was logged without --log-texts"] += 1
        else:
            yield line


def _question(line: dict[str, Any]) -> tuple[str, ...]:
    texts = line["texts"]
    return (texts["prompt"], *texts.get("history", ()))


def _messages(line: dict[str, Any]) -> list[dict[str, str]]:
    """The turns. Of the history texts alone are known: the last before a prompt is an answer, the one before a
    question."""
    texts = line["texts"]
    history = [str(text) for text in texts.get("history", ())]
    roles = ["assistant" if (len(history) - at) % 2 else "user" for at in range(len(history))]
    turns = [{"role": role, "content": text} for role, text in zip(roles, history, strict=True)]
    return [*turns, {"role": "user", "content": texts["prompt"]}]


def _comparison(first: dict[str, Any], second: dict[str, Any], winner: str) -> dict[str, Any]:
    def conversation(line: dict[str, Any]) -> list[dict[str, str]]:
        return [*_messages(line), {"role": "assistant", "content": line["texts"].get("response", "")}]

    return {
        "model_a": first["model"],
        "model_b": second["model"],
        "winner": winner,
        "conversation_a": conversation(first),
        "conversation_b": conversation(second),
    }
