"""Outcomes out of rows: a row for each prompt (wide), or one for each prompt and LLM (long)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner.data.outcomes import outcome_values
from runner.data.outcomes.gathered import NO_MODEL, NO_PROMPT, Gathered
from runner.data.outcomes.published_forms import Reading


def add(gathered: Gathered, reading: Reading, rows: Sequence[Mapping[str, Any]], numbers: Sequence[int]) -> None:
    """Take in a batch of rows; ``numbers`` are their places in the file."""
    one = _long if reading.form.shape == "long" else _wide
    for row, number in zip(rows, numbers, strict=True):
        gathered.read += 1
        prompt = _prompt(reading, row)
        if prompt is None:
            gathered.drop(NO_PROMPT, number)
        else:
            one(gathered, reading, prompt, row, number)


def _prompt(reading: Reading, row: Mapping[str, Any]) -> tuple[str, tuple[str, ...]] | None:
    """The prompt and the turns before it; None where there is no text."""
    found = outcome_values.prompt(row.get(reading.columns["prompt"]), reading.form.listed)
    if found is None or not found[0].strip():
        return None
    earlier = row.get(reading.columns["history"]) if "history" in reading.columns else None
    if isinstance(earlier, list) and all(isinstance(turn, str) for turn in earlier):
        return found[0], (*earlier, *found[1])
    return found


def _group(reading: Reading, row: Mapping[str, Any]) -> Any:
    return row.get(reading.columns["group"]) if "group" in reading.columns else None


def _wide(
    gathered: Gathered, reading: Reading, prompt: tuple[str, tuple[str, ...]], row: Mapping[str, Any], number: int
) -> None:
    place = gathered.prompt(*prompt, _group(reading, row), number)
    used = [
        gathered.outcome(place, model, {role: row.get(column) for role, column in cells.items()}, number)
        for model, cells in reading.models.items()
    ]
    gathered.lost += not any(used)


def _long(
    gathered: Gathered, reading: Reading, prompt: tuple[str, tuple[str, ...]], row: Mapping[str, Any], number: int
) -> None:
    model = reading.llm or outcome_values.name(row.get(reading.columns["model"]))
    if not model:
        gathered.drop(NO_MODEL, number)
        return
    place = gathered.prompt(*prompt, _group(reading, row), number)
    cells = {role: row.get(column) for role, column in reading.columns.items()}
    gathered.lost += not gathered.outcome(place, model, cells, number)
