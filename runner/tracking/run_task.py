"""The task of a recorded run or a stored model, whatever is installed here."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from runner import registry
from runner.contract import AskOptions, Measure, Table, Task
from runner.pages.harmless_text import clean
from runner.pages.numbers import finite


def task_of(model_type: object, metrics: Mapping[str, Any] | None = None) -> Task:
    """The task of a kind. For a kind that is not installed: a task that is judged by the first number in ``metrics``.

    A page or a listing shows what other machines and other versions recorded, so it must not need their kinds.
    """
    if isinstance(model_type, str):
        # A third party's kind may raise anything when it is imported.
        with contextlib.suppress(Exception):
            return registry.task(model_type)
    first = next((name for name, value in (metrics or {}).items() if finite(value) is not None), "")
    measures = (Measure(first, clean(first).replace("_", " "), clean(first).replace("_", " ")),)
    return Task("unknown", "", measures, AskOptions)


def asked_file(model_type: str) -> str | None:
    """What a kind's layout calls a file of rows to answer; None where it has no word, or the kind is not here."""
    with contextlib.suppress(Exception):
        return registry.load(model_type).Spec.data.asked_file
    return None


def room_of(task: Task, name: str) -> ModuleType | None:
    """One of the task's modules, or None where it has no such room."""
    if not task.package or find_spec(f"{task.package}.{name}") is None:
        return None
    return task.room(name)


def recorded_tables(task: Task, recorded: object) -> list[Table]:
    """The tables of a run or a manifest, in the order in which a page shows them.

    The task's room ``tables`` reads those of older shapes; all others are :class:`~runner.contract.Table` documents.
    What is neither is left out.
    """
    if not isinstance(recorded, Mapping):
        return []
    room = room_of(task, "tables")
    own = list(room.read_tables(recorded)) if room is not None else []
    names = {table.name for table in own}
    known = [table for document in recorded.values() if (table := whole(document)) is not None]
    return own + [table for table in known if table.name not in names]


def whole(document: object) -> Table | None:
    """A recorded table whose every row has a cell for every column, or None: any file may be torn or made up."""
    table = Table.read(document)
    if table is None or not isinstance(table.columns, list | tuple) or not isinstance(table.rows, list | tuple):
        return None
    if not table.columns or not all(isinstance(column, str) for column in table.columns):
        return None
    if not all(isinstance(row, list | tuple) and len(row) == len(table.columns) for row in table.rows):
        return None
    decimals = table.decimals if isinstance(table.decimals, Mapping) else {}
    return Table(
        name=clean(table.name),
        title=clean(table.title),
        columns=tuple(table.columns),
        rows=[tuple(row) for row in table.rows],
        plot=table.plot if isinstance(table.plot, str) else None,
        note=clean(table.note),
        decimals={key: value for key, value in decimals.items() if isinstance(value, int) and 0 <= value <= 12},
    )


def baselines(tables: list[Table]) -> list[dict[str, Any]]:
    """The rows of the table ``baselines``: ``model`` and the metrics of each, none where there is no such table."""
    table = next((table for table in tables if table.name == "baselines"), None)
    if table is None:
        return []
    return [dict(zip(("model", *table.columns[1:]), row, strict=True)) for row in table.rows]


def recorded_verdict(recorded: Mapping[str, Any]) -> str:
    """What the run's paired difference to its best baseline shows, in a sentence; empty where it was not measured."""
    table = Table.read(recorded.get("against_best"))
    return clean(table.note) if table is not None and isinstance(table.note, str) else ""


def best_baseline(task: Task, rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The best of the baselines by the task's headline; None where none was measured."""
    headline = task.headline
    known = [row for row in rows if finite(row.get(headline.metric)) is not None]
    return max(known, key=lambda row: headline.key(finite(row[headline.metric]) or 0.0), default=None)
