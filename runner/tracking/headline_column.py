"""The column of a listing that says how good each run or model is, whatever its task is judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner.pages.harmless_text import clean
from runner.pages.numbers import finite, number


def headline(model_type: object, metrics: object, recorded: object = None) -> dict[str, Any] | None:
    """The figure that a model is judged by: ``metric``, ``column`` (its name in a table), ``value``, ``better``.

    ``recorded`` is the measure as a run's plan has it. Without one (an older run) the kind is loaded and asked. None
    where ``metrics`` has no such number.
    """
    known = metrics if isinstance(metrics, Mapping) else {}
    measure = _whole(recorded) or _asked(model_type, known)
    value = known.get(measure["metric"])
    if finite(value) is None:
        return None
    return {"metric": measure["metric"], "column": measure["column"], "value": value, "better": measure["better"]}


def _whole(recorded: object) -> Mapping[str, Any] | None:
    """A recorded measure, or None for what is none: any file may be torn or made up."""
    if not isinstance(recorded, Mapping) or recorded.get("better") not in ("higher", "lower"):
        return None
    return recorded if all(isinstance(recorded.get(name), str) for name in ("metric", "column")) else None


def _asked(model_type: object, metrics: Mapping[str, Any]) -> Mapping[str, Any]:
    # Imported here: it loads the registry and, with pydantic, the kind.
    from runner.tracking.run_task import task_of

    return task_of(model_type, metrics).headline.as_dict()


def headline_column(rows: Sequence[dict[str, Any] | None]) -> tuple[str, list[str]]:
    """The heading and the cells for what :func:`headline` gave.

    Where all are accuracies the heading is ``ACCURACY``, and a cell says which kind of accuracy it is
    (``0.5289 rel.``). Where they are all one other measure, its name is the heading. Otherwise each cell has its own.
    """
    names = {str(row["column"]) for row in rows if row is not None}
    if all(name.endswith("accuracy") for name in names):
        return "ACCURACY", [_cell(row, "accuracy") for row in rows]
    if len(names) == 1:
        (name,) = names
        return clean(name).upper(), [_cell(row, name) for row in rows]
    return "MEASURED", [_cell(row, "") for row in rows]


def _cell(row: dict[str, Any] | None, said: str) -> str:
    if row is None:
        return "-"
    value = f"{row['value']:z.4f}" if abs(row["value"]) < 100 else number(row["value"])
    return f"{value} {clean(row['column']).removesuffix(said).strip()}".strip()
