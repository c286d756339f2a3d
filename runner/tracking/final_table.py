"""What ends ``runner train``: the result beside the baselines, and the command to type next."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from runner.contract import Measure, Task
from runner.pages.harmless_text import clean
from runner.pages.numbers import finite, number
from runner.tracking.run_task import (
    asked_file,
    baselines,
    best_baseline,
    recorded_tables,
    recorded_verdict,
    room_of,
    task_of,
)

#: Measures of a task that the table has columns for; the others are on the run's page.
MOST_MEASURES = 4


def next_command(model_type: str, model: str, tables: Mapping[str, Any], program: str = "runner") -> str:
    """The command that answers with the stored ``model``; empty where its task says none."""
    room = room_of(task_of(model_type), "next_step")
    if room is None:
        return ""
    told = {"file": asked_file(model_type)} if "file" in inspect.signature(room.command).parameters else {}
    return str(room.command(model, tables, program, **told))


def _invitation(model_type: str) -> str:
    """What stands above that command."""
    return str(getattr(room_of(task_of(model_type), "next_step"), "INVITATION", "score with it:"))


def final_table(
    model_type: str,
    metrics: Mapping[str, Any],
    tables: Mapping[str, Any],
    model: str | None,
    command: str | None = None,
    *,
    terminal: bool = False,
) -> str:
    """The text that ends a training.

    ``metrics`` are the run's final scalars, ``tables`` its tables (``baselines`` are measured on the same split),
    ``model`` the stored model's name, ``command`` what to type next (:func:`next_command` by default). With
    ``terminal`` the text carries colour, unless ``NO_COLOR`` is set; else it is plain.
    """
    task = task_of(model_type, metrics)
    headline = task.headline
    others = baselines(recorded_tables(task, tables))
    best = best_baseline(task, others)
    leads = (gap := _gap(headline, metrics, best)) is not None and gap > 0
    rows: list[tuple[Sequence[str], str, str]] = [
        (_figures(task, metrics, f"{clean(model_type)} (this run)"), "best" if leads else "", "bold")
    ]
    for row in others:
        # A mark on a row that stands alone says nothing.
        rows.append((_figures(task, row, clean(row["model"])), "best" if row is best and not leads else "", ""))
    told = _told(task, [metrics, *others])
    headings = tuple(itertools.compress(_headings(task), told))
    rows = [(tuple(itertools.compress(cells, told)), mark, style) for cells, mark, style in rows]
    widths = [
        max(len(cells[at]) for cells in [headings, *(cells for cells, _, _ in rows)]) for at in range(len(headings))
    ]
    lines: list[tuple[str, str]] = []
    if any(_known(task, row) for row in (metrics, *others)):
        lines.append((_line(task, headings, widths, ""), "dim"))
        lines += [(_line(task, cells, widths, mark), style) for cells, mark, style in rows]
        lines.append(("", ""))
    if count := finite(metrics.get("n_validation")):
        lines.append((f"measured on {task.held_out(int(count))}", ""))
        if verdict := recorded_verdict(tables) or _verdict(task, metrics, best):
            lines.append((verdict, ""))
        lines += [(line, "") for line in (*_beaten_otherwise(task, metrics, others), *_ending(task, tables))]
    elif finite(metrics.get(headline.metric)) is None and headline.metric:
        lines.append((f"nothing was held out: no {_in_a_sentence(headline.label)} to tell", ""))
    if model is not None:
        lines.append((f"stored as {clean(model)}", ""))
        if command := command or next_command(model_type, model, tables):
            lines += [("", ""), (_invitation(model_type), ""), (f"  {command}", "cyan")]
    return _styled(lines) if terminal else "\n".join(text.rstrip() for text, _ in lines)


def _known(task: Task, row: Mapping[str, Any]) -> bool:
    """Whether a row of the table has any figure."""
    return any(finite(row.get(measure.metric)) is not None for measure in task.measures[:MOST_MEASURES])


def _headings(task: Task) -> tuple[str, ...]:
    """What stands above the columns: the model, the headline, its interval if it has one, the other measures."""
    first, *others = task.measures[:MOST_MEASURES]
    interval = ("95 % interval",) if first.interval else ()
    return ("", first.column, *interval, *(measure.column for measure in others))


def _told(task: Task, rows: Sequence[Mapping[str, Any]]) -> tuple[bool, ...]:
    """Whether each column says anything: a measure that no row has, even as unknown, is none of this kind's."""
    first, *others = task.measures[:MOST_MEASURES]
    interval = (True,) if first.interval else ()
    return (True, True, *interval, *(any(measure.metric in row for row in rows) for measure in others))


def _figures(task: Task, row: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The cells of one model; its interval reads ``[0.851, 0.896]``, and is empty where it is not known."""
    first, *others = task.measures[:MOST_MEASURES]
    cells = [name, number(row.get(first.metric), first.decimals)]
    if first.interval:
        low, high = row.get(first.low), row.get(first.high)
        known = finite(low) is not None and finite(high) is not None
        cells.append(f"[{number(low, first.decimals)}, {number(high, first.decimals)}]" if known else "")
    return (*cells, *(number(row.get(measure.metric), measure.decimals) for measure in others))


def _line(task: Task, cells: Sequence[str], widths: Sequence[int], mark: str) -> str:
    """One row: the name and the interval on the left of their columns, numbers on the right."""
    interval = 2 if task.headline.interval else None
    parts = []
    for at, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        if at == 0:
            parts.append(cell.ljust(width))
        elif at == interval:
            parts.append(cell.ljust(max(14, width)))
        else:
            parts.append(cell.rjust(max(8, width)))
    return "  ".join([*parts, mark]).rstrip()


def _gap(measure: Measure, metrics: Mapping[str, Any], best: Mapping[str, Any] | None) -> float | None:
    """How much better the run is than the best baseline, negative for worse; None where either is not known."""
    own = finite(metrics.get(measure.metric))
    other = finite(best.get(measure.metric)) if best is not None else None
    return None if own is None or other is None else measure.key(own) - measure.key(other)


def _ending(task: Task, tables: Mapping[str, Any]) -> list[str]:
    """What else a run's task tells of its tables at the end; nothing where it has no such words."""
    read = getattr(room_of(task, "tables"), "ending", None)
    return [clean(line) for line in read(tables)] if read is not None else []


def _verdict(task: Task, metrics: Mapping[str, Any], best: Mapping[str, Any] | None) -> str:
    """How a run that recorded no paired difference stands beside the best baseline, and that it is not sure."""
    measure = task.headline
    gap = _gap(measure, metrics, best)
    if gap is None or best is None:
        return ""
    higher = measure.better == "higher"
    if gap == 0:
        return f"NOT better than {task.rival} (equal to it)"
    if gap < 0:
        return f"NOT better than {task.rival} ({number(-gap, measure.decimals)} {'below' if higher else 'above'})"
    said = f"{number(gap, measure.decimals)} {'above' if higher else 'below'} {task.rival}"
    # The end of each interval that lies towards the other's.
    own, other = (measure.low, measure.high) if higher else (measure.high, measure.low)
    near, far = finite(metrics.get(own)), finite(best.get(other))
    if near is None or far is None:
        return f"{said}; how sure that is was not measured"
    return said if measure.key(near) > measure.key(far) else f"{said}; the intervals overlap"


def _beaten_otherwise(task: Task, metrics: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> list[str]:
    """Sentences on baselines that have no headline, such as what was most often right and gives no loss, and are no
    worse than the run by the first figure with an interval that both have."""
    said = []
    for row in others:
        if finite(row.get(task.headline.metric)) is not None:
            continue
        measured = [each for each in task.measures[1:MOST_MEASURES] if each.interval]
        shared = next((each for each in measured if _gap(each, metrics, row) is not None), None)
        if shared is not None and (_gap(shared, metrics, row) or 0.0) <= 0:
            own, other = (number(one.get(shared.metric), shared.decimals) for one in (metrics, row))
            said.append(f"NOT better than {clean(row['model'])} by {shared.column}: {own}, and {other}")
    return said


def _in_a_sentence(label: str) -> str:
    """A label without its capital, unless it is an abbreviation."""
    return label[:1].lower() + label[1:] if label[1:2].islower() else label


def _styled(lines: Sequence[tuple[str, str]]) -> str:
    import io

    from rich.console import Console
    from rich.text import Text

    console = Console(file=io.StringIO(), force_terminal=True, markup=False, highlight=False, emoji=False)
    with console.capture() as captured:
        for text, style in lines:
            console.print(Text(text.rstrip(), style=style), soft_wrap=True)
    return captured.get().rstrip("\n")
