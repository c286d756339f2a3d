"""Models that find answers in texts, side by side on the same held-out questions."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from runner.contract import LoadedData
from runner.contract.quantities import counted
from runner.errors import RunnerError
from runner.tasks._supervised.paired_comparison import models_table, ranked
from runner.tasks.compared import Compared
from runner.tasks.spans import TASK, SpanOptions
from runner.tasks.spans.answers import NULL_THRESHOLD
from runner.tasks.spans.measuring import contexts_of, score

#: Questions that go through a model at a time.
BATCH = 16


def bench(models: list[Compared], data: LoadedData, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Models on the questions that the data holds out. See :mod:`runner.tasks.compared`."""
    rows = data.validation
    say(f"measuring {counted(len(models), 'models')} of {TASK.name} on {counted(len(rows), 'held-out questions')}")
    said, facts = [], {}
    for entry in models:
        try:
            texts, seconds = entry.ask(partial(ask, rows, entry.parameter(NULL_THRESHOLD)))
        except RunnerError as error:
            entry.fail(error)
            continue
        said.append((entry.label, texts))
        each = 1000 * seconds / max(len(rows), 1)
        facts[entry.label] = entry.as_dict() | {"inference_seconds": seconds, "inference_ms_per_row": each}
    contexts = len(set(contexts_of(rows).tolist()))
    held_out = {"rows": len(rows), "groups": contexts, "unanswerable": sum(not row.answers for row in rows)}
    document: dict[str, Any] = {"held_out": held_out, "table": []}
    if not said:
        return document
    found = compare(said, rows, seed)
    table = [facts[row["label"]] | row for row in found]
    return document | {"table": table, "tables": [models_table(found, TASK.measures).as_dict()]}


def ask(rows: Sequence[Any], threshold: float | None, predictor: Any) -> tuple[list[str], float]:
    """What one model says of every question, "" for no answer, and the seconds that it took."""
    options = SpanOptions()
    # What loads late has loaded before the clock runs.
    predictor.predict(rows[:1], options, BATCH)
    started = time.perf_counter()
    found = predictor.predict(rows, options, BATCH)
    seconds = time.perf_counter() - started
    return [text_of(row, one, threshold) for row, one in zip(rows, found, strict=True)], seconds


def text_of(row: Any, found: Any, threshold: float | None) -> str:
    """The answer's text, "" for none."""
    return row.context[found.spans[0].start : found.spans[0].end] if found.answered(threshold) else ""


def compare(models: Sequence[tuple[str, Sequence[str]]], rows: Sequence[Any], seed: int) -> list[dict[str, Any]]:
    """One row a model, the best F1 first, equal ones by exact match: metrics with intervals, and the paired difference.

    A model is its label and what it said of every question, "" for no answer.
    """
    found, samples = [], []
    for label, said in models:
        metrics, _, redrawn = score(rows, said, seed)
        found.append({"label": label} | metrics)
        samples.append(redrawn)
    return ranked(found, samples, (TASK.measures[0], TASK.measures[1]))
