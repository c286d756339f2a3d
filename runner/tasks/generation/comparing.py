"""Language models side by side on the same held-out rows.

Models of other tokenizers have other tokens, so what is compared is bits a byte of the text that is foretold.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from runner.contract import LoadedData, Measure
from runner.contract.quantities import counted
from runner.errors import DataError, RunnerError
from runner.statistics.paired_bootstrap import Resampled, resample
from runner.tasks._supervised.paired_comparison import models_table, ranked
from runner.tasks.compared import Compared
from runner.tasks.generation import TASK
from runner.tasks.generation.held_rows import HeldRows

BITS = Measure("bits_per_byte", "Bits a byte", "bits/byte", 4, better="lower", interval=True)
ACCURACY = Measure("pair_accuracy", "Share of pairs whose better answer is likelier", "pairs", 3)
Row = dict[str, Any]


@dataclass(frozen=True)
class _Said:
    entry: Compared
    #: Negative log-likelihoods (nats) of every passage, and of a byte of it, float64 ``[n]``.
    nats: np.ndarray
    seconds: float


def bench(models: list[Compared], data: LoadedData, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Models on what the data holds out. See :mod:`runner.tasks.compared`."""
    held = HeldRows.of(data.validation)
    if not held.judged:
        for entry in models:
            entry.fail(DataError("the held-out rows have no text that a model could foretell: nothing can be compared"))
        return {"held_out": {"rows": len(data.validation), "pairs": 0}, "table": []}
    say(f"measuring {counted(len(models), 'models')} of {TASK.name} on {TASK.held_out(len(data.validation))}")
    said = []
    for entry in models:
        try:
            said.append(entry.ask(partial(_ask, entry, held)))
        except RunnerError as error:
            entry.fail(error)
    document: dict[str, Any] = {"held_out": {"rows": len(data.validation), "pairs": len(held.pairs)}, "table": []}
    if not said:
        return document
    rows = compare([(one.entry.label, one.nats) for one in said], held, seed)
    known = {one.entry.label: one for one in said}
    table = []
    for row in rows:
        one = known[row["label"]]
        speed = 1000 * one.seconds / max(len(held.passages), 1)
        table.append(one.entry.as_dict() | row | {"inference_seconds": one.seconds, "inference_ms_per_row": speed})
    measures = (BITS, ACCURACY) if len(held.pairs) else (BITS,)
    return document | {"table": table, "tables": [models_table(rows, measures).as_dict()]}


def _ask(entry: Compared, held: HeldRows, predictor: Any) -> _Said:
    if not hasattr(predictor, "nats"):
        raise DataError("it does not say how likely a text is")
    started = time.perf_counter()
    nats = predictor.nats(held.passages)
    return _Said(entry, nats, time.perf_counter() - started)


def compare(models: Sequence[tuple[str, np.ndarray]], held: HeldRows, seed: int) -> list[Row]:
    """One row a model, the least bits a byte first, with intervals and the paired difference to the best.

    ``models`` are labels and the nats of every passage, float64 ``[n]``.
    """
    sizes = np.array([passage.bytes for passage in held.passages], np.float64)
    rows: list[Row] = []
    samples: list[Resampled | None] = []
    for label, nats in models:
        first = slice(0, held.judged)
        columns = np.stack([nats[first] / math.log(2), sizes[first]], axis=1)
        found = resample(columns, held.groups, seed).of(lambda means: means[..., :1] / means[..., 1:])
        interval = found.interval(0)
        row: Row = {
            "label": label,
            BITS.metric: interval.value,
            **interval.ends(BITS.metric),
        }
        if len(held.pairs):
            each = nats / np.maximum(sizes, 1)
            row[ACCURACY.metric] = float((each[held.pairs[:, 0]] < each[held.pairs[:, 1]]).mean())
        rows.append(row)
        samples.append(found)
    return ranked(rows, samples, (BITS, BITS))
