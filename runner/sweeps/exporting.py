"""A sweep's trials as a file for other programs."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from runner.errors import UsageError
from runner.store.files import write_atomic
from runner.sweeps.journal import Record
from runner.sweeps.sweep_tables import as_document, metrics_of, parameters_of


def write(record: Record, path: Path) -> int:
    """Write every trial into ``path`` and return how many there are: CSV has a column for each place, JSON and JSON
    Lines all that is known. Raises :class:`UsageError` for another ending, EnvironmentProblem where it cannot be
    written."""
    trials = [as_document(trial) for trial in record.trials.values()]
    match path.suffix:
        case ".json":
            text = json.dumps(trials, indent=2, ensure_ascii=False) + "\n"
        case ".jsonl":
            text = "".join(json.dumps(trial, ensure_ascii=False) + "\n" for trial in trials)
        case ".csv":
            places = parameters_of(record)
            metrics = metrics_of(record)
            out = io.StringIO(newline="")
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(["trial", "state", *metrics, *places, "seconds", "run", "model", "why"])
            for each in trials:
                values = [_cell(each["values"].get(place)) for place in places]
                writer.writerow(
                    [each["trial"], each["state"], *(each["value"], each.get("second"))[: len(metrics)], *values,
                     each["seconds"], each["run"], each["model"], each["why"]]
                )  # fmt: skip
            text = out.getvalue()
        case other:
            raise UsageError(
                f"no such form: {other or 'no ending'}", where="--to", hint="name it .csv, .json or .jsonl"
            )
    write_atomic(path, text.encode())
    return len(trials)


def _cell(value: object) -> object:
    return value if isinstance(value, str | int | float) or value is None else json.dumps(value, ensure_ascii=False)
