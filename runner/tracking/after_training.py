"""What ends ``runner train``: the result beside those that do not read the prompt, and the command to type next."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from runner.pages.numbers import clean, finite, number
from runner.tracking.measures import Measure, measure_of

EXAMPLE_PROMPTS = ("Write a haiku about the sea.", "What is 17 * 23?")


def infer_command(
    model: str, tables: Mapping[str, Any], prompts: Sequence[str] = EXAMPLE_PROMPTS, program: str = "runner"
) -> str:
    """A command that scores with the stored ``model``, quoted for a POSIX shell: the three LLMs that lead the
    leaderboard (or the table of lengths), two prompts. Names that would read as an option, or that a terminal cannot
    show, are passed over."""
    names = [row.get("model") for row in rows(tables, "leaderboard") or rows(tables, "lengths")]
    llms = [name for name in names if isinstance(name, str) and name.isprintable() and name and name[0] != "-"][:3]
    words = [*shlex.split(program), "infer", "--model", model, "--models-to-score", *(llms or ["MODEL"])]
    return " ".join(shlex.quote(word) for word in [*words, "--prompts", *prompts])


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
    ``model`` the stored model's name, ``command`` what to type next (:func:`infer_command` by default). With
    ``terminal`` the text carries colour, unless ``NO_COLOR`` is set; else it is plain.
    """
    measure = measure_of(metrics, tables)
    baselines = rows(tables, "baselines")
    best = best_baseline(tables)
    own, other = finite(metrics.get(measure.metric)), finite(best.get(measure.metric)) if best is not None else None
    # A mark among rows of which one is alone says nothing.
    leads = own is not None and other is not None and own > other
    names = [f"{clean(model_type)} (this run)", *(clean(row.get("model_type")) for row in baselines)]
    width = max(len(name) for name in names)
    lines = [
        (_row(measure, " " * width, measure.headings), "dim"),
        (_row(measure, names[0].ljust(width), measure.figures(metrics), "best" if leads else ""), "bold"),
    ]
    for name, row in zip(names[1:], baselines, strict=True):
        mark = "best" if row is best and not leads else ""
        lines.append((_row(measure, name.ljust(width), measure.figures(row), mark), ""))
    lines.append(("", ""))
    count = finite(metrics.get("n_validation"))
    if count is not None:
        lines.append((f"measured on {number(int(count))} held-out {measure.held_out}", ""))
        if verdict := _verdict(measure, metrics, best):
            lines.append((verdict, ""))
    elif finite(metrics.get(measure.metric)) is None:
        lines.append((f"nothing was held out: no {measure.name.lower()} to tell", ""))
    if model is not None:
        lines += [(f"stored as {clean(model)}", ""), ("", ""), ("score with it:", "")]
        lines.append((f"  {command or infer_command(model, tables)}", "cyan"))
    return _styled(lines) if terminal else "\n".join(text.rstrip() for text, _ in lines)


def rows(tables: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The rows of one table; none where it is missing or is no table."""
    table = tables.get(name)
    return [row for row in table if isinstance(row, Mapping)] if isinstance(table, list) else []


def best_baseline(tables: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The best row of the ``baselines`` table; None where there is none that was measured."""
    metric = measure_of({}, tables).metric
    known = [row for row in rows(tables, "baselines") if finite(row.get(metric)) is not None]
    return max(known, key=lambda row: finite(row[metric]) or 0.0, default=None)


def _row(measure: Measure, name: str, cells: Sequence[str], mark: str = "") -> str:
    value, interval, second, third = cells
    wide = [max(8, len(heading)) for heading in measure.headings]
    interval = interval.ljust(max(14, wide[1]))
    return f"{name}  {value:>{wide[0]}}  {interval}  {second:>{wide[2]}}  {third:>{wide[3]}}  {mark}".rstrip()


def _verdict(measure: Measure, metrics: Mapping[str, Any], best: Mapping[str, Any] | None) -> str:
    """Whether the run beats the best baseline, and whether the intervals leave room for doubt."""
    own = finite(metrics.get(measure.metric))
    other = finite(best.get(measure.metric)) if best is not None else None
    if own is None or other is None:
        return ""
    gap = own - other
    if gap <= 0:
        return f"NOT better than {measure.rival} ({-gap:.3f} below)"
    low = finite(metrics.get(measure.low))
    high = finite(best.get(measure.high)) if best is not None else None
    doubt = "; the intervals overlap" if low is not None and high is not None and low <= high else ""
    return f"{gap:.3f} above {measure.rival}{doubt}"


def _styled(lines: Sequence[tuple[str, str]]) -> str:
    import io

    from rich.console import Console
    from rich.text import Text

    console = Console(file=io.StringIO(), force_terminal=True, markup=False, highlight=False, emoji=False)
    with console.capture() as captured:
        for text, style in lines:
            console.print(Text(text.rstrip(), style=style), soft_wrap=True)
    return captured.get().rstrip("\n")
