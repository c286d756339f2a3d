"""Models that compare texts, side by side on the same held-out pairs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from runner.contract import LoadedData
from runner.contract.quantities import counted
from runner.data.dialogues.row_types import PairRow
from runner.errors import RunnerError
from runner.tasks._supervised.paired_comparison import models_table, ranked
from runner.tasks.compared import Compared
from runner.tasks.embedding import TASK
from runner.tasks.embedding.judging import Judged, judge
from runner.tasks.embedding.measuring import word_overlap


@dataclass(frozen=True)
class _Said:
    entry: Compared
    judged: Judged
    seconds: float


def bench(models: list[Compared], data: LoadedData, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Models on the pairs that the data holds out. See :mod:`runner.tasks.compared`."""
    rows = data.validation
    say(f"measuring {counted(len(models), 'models')} of {TASK.name} on {TASK.held_out(len(rows))}")
    said = []
    for entry in models:
        try:
            said.append(entry.ask(partial(_ask, entry, rows)))
        except RunnerError as error:
            entry.fail(error)
    by_words = word_overlap(rows)
    words = by_words.measured(by_words.redrawn(seed))
    document: dict[str, Any] = {
        "held_out": {"rows": len(rows), "form": said[0].judged.form if said else None},
        "words_alone": {name: value for name, value in words.items() if value is not None},
        "table": [],
    }
    if not said:
        return document
    known = {one.entry.label: one for one in said}
    redrawn = [one.judged.redrawn(seed) for one in said]
    table = ranked(
        [{"label": one.entry.label} | one.judged.measured(samples) for one, samples in zip(said, redrawn, strict=True)],
        redrawn,
        (TASK.headline, TASK.measures[1]),
    )
    shown = [measure for measure in TASK.measures if any(row.get(measure.metric) is not None for row in table)]
    tables = [models_table(table, shown or TASK.measures[:1])]
    full = [_told(known[row["label"]], row, len(rows)) for row in table]
    return document | {"table": full, "tables": [each.as_dict() for each in tables]}


def _ask(entry: Compared, rows: Sequence[PairRow], predictor: Any) -> _Said:
    # What loads late has loaded before the clock runs.
    predictor.similarities([("a", "b")], 1)
    started = time.perf_counter()
    judged = judge(predictor, rows)
    return _Said(entry, judged, time.perf_counter() - started)


def _told(one: _Said, row: dict[str, Any], count: int) -> dict[str, Any]:
    speed = 1000 * one.seconds / max(count, 1)
    return one.entry.as_dict() | row | {"inference_seconds": one.seconds, "inference_ms_per_row": speed}
