"""A comparison as a table: for a terminal of some width, and as Markdown to paste."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner import registry
from runner.contract import Task
from runner.pages.harmless_text import clean


def tasks_of(document: Mapping[str, Any]) -> list[tuple[Task, Mapping[str, Any]]]:
    """The tasks of a comparison's models, each with its part of the document."""
    kinds = {row["task"]: row["model_type"] for row in document["models"]}
    return [(registry.task(kinds[name]), found) for name, found in document["tasks"].items()]


def text(document: Mapping[str, Any], width: int = 120) -> str:
    """The whole comparison for a terminal ``width`` columns wide: a table wider than that is broken into blocks."""
    parts, legend = [], []
    for task, found in tasks_of(document):
        words = task.room("comparing_words")
        rows = [words.cells(row) for row in [*found["table"], *not_measured(task.name, document)]]
        if rows:
            parts.append(
                blocks(words.HEADER, rows, width)
                if _wide([words.HEADER, *rows]) <= width
                else _shorter(words.HEADER, rows, width)
            )
        parts.append("\n".join(wrapped(sentence, width) for sentence in words.held_out(found)))
        legend += [line for line in words.LEGEND if found["table"] and line not in legend]
    if legend:
        parts.append("\n".join(wrapped(line, width) for line in legend))
    lost = [f"{clean(row['label'])}: {reason(row)}" for row in document["models"] if reason(row)]
    if lost:
        parts.append("\n".join(wrapped(line, width) for line in lost))
    return "\n\n".join(parts)


def not_measured(task: str, document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The models of a task that have no figures: what failed, and what was not begun."""
    return [row for row in document["models"] if row["task"] == task and reason(row)]


def reason(row: Mapping[str, Any]) -> str:
    """Why a model is not in a table; empty for one that is."""
    error = row.get("error")
    if row["state"] == "failed" and error:
        place = f"{error['where']}: " if error.get("where") else ""
        faults = "; ".join(f"{fault['pointer']}: {fault['message']}" for fault in error.get("faults") or ())
        return clean(f"failed ({error['error']}): {place}{error['message']}{f' ({faults})' if faults else ''}")
    if row["state"] == "not trained":
        return "interrupted" if error else "not trained"
    return ""


def blocks(header: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> str:
    """An aligned table; columns that do not fit go into a block below, which begins with the first column again."""
    lines = [list(header), *map(list, rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(header))]
    chosen: list[list[int]] = [[]]
    for at in range(1, len(header)):
        taken = widths[0] + sum(2 + widths[other] for other in chosen[-1])
        if chosen[-1] and taken + 2 + widths[at] > width:
            chosen.append([])
        chosen[-1].append(at)
    return "\n\n".join(_block(lines, [0, *columns], widths) for columns in chosen)


def _wide(rows: Sequence[Sequence[str]]) -> int:
    return sum(max(len(row[at]) for row in rows) + 2 for at in range(len(rows[0]))) - 2


def _shorter(header: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> str:
    """The table with the models' names alone, if they tell them apart."""
    names = [row[0].partition("/")[2] for row in rows]
    if len(set(names)) < len(names):
        return blocks(header, rows, width)
    return blocks(header, [(name, *row[1:]) for name, row in zip(names, rows, strict=True)], width)


def _block(lines: Sequence[Sequence[str]], columns: Sequence[int], widths: Sequence[int]) -> str:
    def line(row: Sequence[str]) -> str:
        return "  ".join(row[at].rjust(widths[at]) if at else row[at].ljust(widths[at]) for at in columns).rstrip()

    return "\n".join([line(lines[0]), line(["-" * wide for wide in widths]), *map(line, lines[1:])])


def wrapped(sentence: str, width: int) -> str:
    """A sentence over several lines, the later ones indented."""
    import textwrap

    return textwrap.fill(sentence, max(width, 40), subsequent_indent="  ", break_long_words=False)


def markdown(document: Mapping[str, Any]) -> str:
    """Tables to paste, with what they were measured on."""
    parts = [f"# Comparison of {len(document['models'])} models"]
    data = ", ".join(
        f"{name} {clean(value)}" for name, value in document["data"]["section"].items() if value is not None
    )
    parts.append(f"Data: {data}. Code: {document['code']}.")
    for task, found in tasks_of(document):
        words = task.room("comparing_words")
        header = words.HEADER
        lines = ["| " + " | ".join(header) + " |", "|---" + "|---:" * (len(header) - 1) + "|"]
        for row in [*found["table"], *not_measured(task.name, document)]:
            escaped = (cell.strip().replace("|", "\\|") for cell in words.cells(row))
            lines.append("| " + " | ".join(escaped) + " |")
        parts += [f"## {task.name.capitalize()}", "\n".join(lines)]
        parts.append("\n".join(f"- {sentence}" for sentence in [*words.held_out(found), *words.LEGEND]))
    lost = [f"- {clean(row['label'])}: {reason(row)}" for row in document["models"] if reason(row)]
    if lost:
        parts += ["## Not measured", "\n".join(lost)]
    return "\n\n".join(parts) + "\n"
