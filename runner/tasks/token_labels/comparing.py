"""Taggers side by side on the same held-out rows."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from runner.contract import LoadedData, Table
from runner.contract.quantities import counted
from runner.errors import DataError, RunnerError
from runner.tasks._supervised.paired_comparison import models_table, ranked
from runner.tasks.compared import Compared
from runner.tasks.token_labels import TASK
from runner.tasks.token_labels.answers import Tagger
from runner.tasks.token_labels.judged_tags import Judged, rates
from runner.tasks.token_labels.measuring import score
from runner.tasks.token_labels.tag_decoding import decode


def bench(models: list[Compared], data: LoadedData, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Taggers on the rows that the data holds out. See :mod:`runner.tasks.compared`."""
    part = data.validation
    say(f"measuring {counted(len(models), 'models')} of {TASK.name} on {counted(len(part), 'held-out rows')}")
    actual = [row.tags for row in part.rows]
    held_out = {"rows": len(part), "groups": None, "types": list(part.types)}
    rows, redrawn, judged = [], [], {}
    for entry in models:
        try:
            tags, seconds = entry.ask(partial(_tags, part))
        except RunnerError as error:
            entry.fail(error)
            continue
        judged[entry.label] = Judged(tags, actual)
        metrics, samples = score(judged[entry.label], seed)
        speed = {"inference_seconds": seconds, "inference_ms_per_row": 1000 * seconds / max(len(part), 1)}
        rows.append(entry.as_dict() | {"label": entry.label} | metrics | speed)
        redrawn.append(samples)
    if not rows:
        return {"held_out": held_out, "table": []}
    table = ranked(rows, redrawn, (TASK.headline, TASK.measures[-1]))
    tables = [models_table(table, TASK.measures), _types(table, judged)]
    return {"held_out": held_out, "table": table, "tables": [each.as_dict() for each in tables]}


def _tags(part: Any, predictor: Tagger) -> tuple[list[list[str]], float]:
    """What one model says of all rows, and how long it took."""
    if not set(part.types) & {label[2:] for label in predictor.labels[1:]}:
        raise DataError(f"it knows none of the types {', '.join(part.types)}")
    started = time.perf_counter()
    odds = predictor.predict_part(part)
    seconds = time.perf_counter() - started
    return [[predictor.labels[at] for at in decode(each).tolist()] for each in odds], seconds


def _types(table: list[dict[str, Any]], judged: dict[str, Judged]) -> Table:
    """F1 of every type, one column a model."""
    labels = [row["label"] for row in table]
    each = {label: judged[label].by_type() for label in labels}
    names = sorted({name for own in each.values() for name in own})
    rows = [[name, *(rates(*each[label].get(name, (0, 0, 0)))[2] for label in labels)] for name in names]
    return Table("types", "F1, type by type", ["type", *labels], rows, decimals=dict.fromkeys(labels, 3))
