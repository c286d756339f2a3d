"""What ends ``runner train``: the result beside the best prompt-agnostic one, and the command to type next."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from runner.tracking.wording import clean, finite, number

EXAMPLE_PROMPTS = ("Write a haiku about the sea.", "What is 17 * 23?")
COLUMNS = ("accuracy", "95 % interval", "log loss", "calibration")


def infer_command(
    model: str, tables: Mapping[str, Any], prompts: Sequence[str] = EXAMPLE_PROMPTS, program: str = "runner"
) -> str:
    """A command that scores with the stored ``model``, quoted for a POSIX shell: the three LLMs that lead the
    leaderboard, two prompts. Names that would read as an option, or that a terminal cannot show, are passed over."""
    names = [row.get("model") for row in rows(tables, "leaderboard")]
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
    baselines = rows(tables, "baselines")
    best = best_baseline(tables)
    names = [f"{clean(model_type)} (this run)", *(clean(row.get("model_type")) for row in baselines)]
    width = max(len(name) for name in names)
    lines = [(_row(" " * width, COLUMNS), "dim"), (_row(names[0].ljust(width), _figures(metrics)), "bold")]
    for name, row in zip(names[1:], baselines, strict=True):
        mark = "best" if row is best else ""
        lines.append((_row(name.ljust(width), _figures(row), mark), ""))
    lines.append(("", ""))
    count = finite(metrics.get("n_validation"))
    if count is not None:
        lines.append((f"measured on {number(int(count))} held-out comparisons", ""))
        if verdict := _verdict(metrics, best):
            lines.append((verdict, ""))
    elif finite(metrics.get("accuracy")) is None:
        lines.append(("nothing was held out: no accuracy to tell", ""))
    if model is not None:
        lines += [(f"stored as {clean(model)}", ""), ("", ""), ("score with it:", "")]
        lines.append((f"  {command or infer_command(model, tables)}", "cyan"))
    return _styled(lines) if terminal else "\n".join(text.rstrip() for text, _ in lines)


def rows(tables: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The rows of one table; none where it is missing or is no table."""
    table = tables.get(name)
    return [row for row in table if isinstance(row, Mapping)] if isinstance(table, list) else []


def best_baseline(tables: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The most accurate row of the ``baselines`` table; None where there is none with an accuracy."""
    known = [row for row in rows(tables, "baselines") if finite(row.get("accuracy")) is not None]
    return max(known, key=lambda row: finite(row["accuracy"]) or 0.0, default=None)


def interval_text(row: Mapping[str, Any]) -> str:
    """``[0.851, 0.896]``; empty where the bounds are not known."""
    low, high = row.get("accuracy_low"), row.get("accuracy_high")
    if finite(low) is None or finite(high) is None:
        return ""
    return f"[{number(low, 3)}, {number(high, 3)}]"


def _figures(row: Mapping[str, Any]) -> tuple[str, str, str, str]:
    return (
        number(row.get("accuracy"), 3),
        interval_text(row),
        number(row.get("log_loss"), 3),
        number(row.get("calibration_error"), 3),
    )


def _row(name: str, cells: Sequence[str], mark: str = "") -> str:
    accuracy, interval, loss, calibration = cells
    return f"{name}  {accuracy:>8}  {interval:<14}  {loss:>8}  {calibration:>11}  {mark}".rstrip()


def _verdict(metrics: Mapping[str, Any], best: Mapping[str, Any] | None) -> str:
    """Whether the run beats the best baseline, and whether the intervals leave room for doubt."""
    own = finite(metrics.get("accuracy"))
    other = finite(best.get("accuracy")) if best is not None else None
    if own is None or other is None:
        return ""
    gap = own - other
    if gap <= 0:
        return f"NOT better than the best prompt-agnostic model ({-gap:.3f} below)"
    low = finite(metrics.get("accuracy_low"))
    high = finite(best.get("accuracy_high")) if best is not None else None
    doubt = "; the intervals overlap" if low is not None and high is not None and low <= high else ""
    return f"{gap:.3f} above the best prompt-agnostic model{doubt}"


def _styled(lines: Sequence[tuple[str, str]]) -> str:
    import io

    from rich.console import Console
    from rich.text import Text

    console = Console(file=io.StringIO(), force_terminal=True, markup=False, highlight=False, emoji=False)
    with console.capture() as captured:
        for text, style in lines:
            console.print(Text(text.rstrip(), style=style), soft_wrap=True)
    return captured.get().rstrip("\n")
