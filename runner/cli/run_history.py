"""A run's history and its tables for a terminal: a few epochs that tell how it went, and whatever it recorded."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import Any

#: Epochs or steps that are printed; ``--json`` has all of them.
MOST = 8


def history_text(told: Mapping[str, Any]) -> str:
    """The first epochs, the last one, the best one and some between them; steps where a run is told by step."""
    from runner.contract import Table
    from runner.pages.numbers import finite
    from runner.pages.table_text import as_text

    unit, rows = ("epoch", told["epochs"]) if told["epochs"] else ("step", told["steps"])
    if not rows:
        return ""
    kept = max((at for at, row in enumerate(rows) if row.get("best")), default=None)
    places = _some(len(rows), kept)
    names = [
        name
        for name in dict.fromkeys(name for row in rows for name in row["metrics"])
        if any(finite(rows[at]["metrics"].get(name)) is not None for at in places)
    ]
    left = "" if len(places) == len(rows) else f"{len(places)} of {len(rows):,} {unit}s; --json has all of them."
    table = Table(
        name="history",
        title="History",
        columns=(unit, *names, ""),
        rows=[
            (
                int(rows[at][unit]),
                *(finite(rows[at]["metrics"].get(name)) for name in names),
                "best" if at == kept else "",
            )
            for at in places
        ],
        note=left,
    )
    return as_text(table, _width())


def tables_text(model: str | None, recorded: Mapping[str, Any]) -> str:
    """Every table of a run, as its page has them."""
    from runner.pages.table_text import as_text
    from runner.tracking.run_task import recorded_tables, task_of

    task = task_of((model or "").partition("/")[0])
    return "\n\n".join(as_text(table, _width()) for table in recorded_tables(task, recorded) if table.rows)


def _some(count: int, kept: int | None) -> Sequence[int]:
    """At most :data:`MOST` places of ``count``, evenly apart, the ends and ``kept`` among them."""
    if count <= MOST:
        return range(count)
    apart = {round(at * (count - 1) / (MOST - 2)) for at in range(MOST - 1)}
    return sorted(apart | ({kept} if kept is not None else set()))


def _width() -> int:
    return shutil.get_terminal_size((120, 24)).columns
