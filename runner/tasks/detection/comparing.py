"""Detectors side by side on the same held-out pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from runner.contract import LoadedData, Table
from runner.contract.quantities import counted
from runner.data.boxes.box_side import BoxSplit
from runner.errors import RunnerError
from runner.tasks._supervised.bench import WARM_UP
from runner.tasks._supervised.paired_comparison import models_table, ranked
from runner.tasks.compared import Compared
from runner.tasks.detection import TASK
from runner.tasks.detection.found_boxes import FoundBoxes
from runner.tasks.detection.judged_boxes import judge
from runner.tasks.detection.measuring import score
from runner.tasks.detection.thresholds import best_threshold

AT_HALF = next(measure for measure in TASK.measures if measure.metric == "map_50")


@dataclass(frozen=True)
class _Said:
    entry: Compared
    found: list[FoundBoxes]
    seconds: float


def bench(models: list[Compared], data: LoadedData, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Detectors on the pictures that the data holds out. See :mod:`runner.tasks.compared`."""
    part: BoxSplit = data.validation
    say(f"measuring {counted(len(models), 'models')} of {TASK.name} on {counted(len(part), 'held-out pictures')}")
    said = []
    for entry in models:
        try:
            said.append(entry.ask(partial(_ask, entry, part)))
        except RunnerError as error:
            entry.fail(error)
    boxes = sum(map(len, part.boxes))
    document: dict[str, Any] = {
        "held_out": {"pictures": len(part), "boxes": boxes, "classes": list(part.classes)},
        "table": [],
    }
    if not said:
        return document
    rows = compare([(one.entry.label, one.found) for one in said], part, seed)
    known = {one.entry.label: one for one in said}
    for row in rows:
        one = known[row["label"]]
        speed = 1000 * one.seconds / max(len(part), 1)
        document["table"].append(
            one.entry.as_dict() | row | {"inference_seconds": one.seconds, "inference_ms_per_row": speed}
        )
    return document | {"tables": [table.as_dict() for table in comparison_tables(rows, part.classes)]}


def compare(models: Sequence[tuple[str, Sequence[FoundBoxes]]], part: BoxSplit, seed: int) -> list[dict[str, Any]]:
    """One row a model, the greatest mAP first, with ``best``, ``versus_best`` and ``tied_with_best``."""
    rows, samples = [], []
    for label, found in models:
        judged = judge(found, part)
        metrics, redrawn = score(judged, part, seed)
        rows.append({"label": label} | metrics | {"f1": best_threshold(judged.matches)[1]})
        samples.append(redrawn)
    return ranked(rows, samples, (TASK.headline, AT_HALF))


def comparison_tables(rows: Sequence[dict[str, Any]], classes: Sequence[str]) -> list[Table]:
    """The models side by side, and class by class."""
    labels = [row["label"] for row in rows]
    cells = [[name, *(row.get(f"map/{name}") for row in rows)] for name in classes if f"map/{name}" in rows[0]]
    title = f"{TASK.headline.label}, class by class"
    decimals = dict.fromkeys(labels, TASK.headline.decimals)
    return [models_table(rows, TASK.measures), Table("targets", title, ["class", *labels], cells, decimals=decimals)]


def _ask(entry: Compared, part: BoxSplit, predictor: Any) -> _Said:
    """What one model finds, in the classes of the pictures: a class that those lack is none."""
    predictor.predict_part(part.take(np.arange(min(WARM_UP, len(part)))))
    started = time.perf_counter()
    found = predictor.predict_part(part)
    seconds = time.perf_counter() - started
    place = {name: at for at, name in enumerate(part.classes)}
    codes = np.array([place.get(name, -1) for name in predictor.classes] or [-1], np.int64)
    shared = []
    for one in found:
        own = codes[one.labels]
        shared.append(FoundBoxes(one.corners[own >= 0], own[own >= 0], one.scores[own >= 0]))
    return _Said(entry, shared, seconds)
