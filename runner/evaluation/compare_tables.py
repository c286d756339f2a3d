"""A comparison as a table: for a terminal of some width, and as Markdown to paste."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner.pages.numbers import clean, duration, finite, number

#: Task -> header, and whether a column is numbers.
HEADERS = {
    "ranking": (
        "model", "accuracy", "95 % interval", "vs best", "log loss", "calib.", "fit", "ms/1k pairs", "size",
    ),
    "length": (
        "model", "rel. acc.", "95 % interval", "vs best", "MAE tokens", "ratio", "fit", "ms/1k pairs", "size",
    ),
}  # fmt: skip
LEGEND = (
    "~ not distinguishable from the best: the 95 % interval of the paired difference, drawn over prompts, holds 0",
    "ms/1k pairs: scoring a thousand (prompt, LLM) pairs, every prompt read anew",
)


def cells(task: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    """One row of the table of a task; what failed has its first line of explanation elsewhere."""
    name = "accuracy" if task == "ranking" else "relative_accuracy"
    shared = (
        clean(row["label"]),
        number(row[name], 3) if name in row else row["state"],
        interval(row, name),
        gap(row),
    )
    own = (
        (number(row.get("log_loss"), 3), number(row.get("calibration_error"), 3))
        if task == "ranking"
        else (number(row.get("mae_tokens"), 1), number(row.get("mean_ratio"), 2))
    )
    return (*shared, *own, fit(row), speed(row), size(row.get("bytes")))


def interval(row: Mapping[str, Any], name: str) -> str:
    """``0.851 to 0.896``"""
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    return "-" if finite(low) is None or finite(high) is None else f"{number(low, 3)} to {number(high, 3)}"


def gap(row: Mapping[str, Any]) -> str:
    """``best``, ``-0.012 ~`` where the two may as well be equal, ``-0.080``."""
    if row.get("best"):
        return "best"
    versus = row.get("versus_best")
    return "-" if not versus else f"{versus['value']:+.3f} {'~' if row.get('tied_with_best') else ' '}"


def fit(row: Mapping[str, Any]) -> str:
    """How long it trained."""
    return duration(row.get("fit_seconds"))


def speed(row: Mapping[str, Any]) -> str:
    """Milliseconds for a thousand (prompt, LLM) pairs."""
    known = finite(row.get("inference_ms_per_1000_pairs"))
    return "<0.1" if known is not None and known < 0.1 else number(known, 1)


def size(count: Any) -> str:
    """``86.7 MiB``, ``1.2 KiB``"""
    known = finite(count)
    if known is None:
        return "-"
    return f"{known / 2**20:.1f} MiB" if known >= 2**20 * 0.1 else f"{known / 2**10:.1f} KiB"


def text(document: Mapping[str, Any], width: int = 120) -> str:
    """The whole comparison for a terminal ``width`` columns wide: a table wider than that is broken into blocks."""
    parts = []
    for task, found in document["tasks"].items():
        rows = [cells(task, row) for row in [*found["table"], *not_measured(task, document)]]
        if rows:
            parts.append(
                blocks(HEADERS[task], rows, width)
                if _wide([HEADERS[task], *rows]) <= width
                else _shorter(task, rows, width)
            )
        parts.append("\n".join(wrapped(sentence, width) for sentence in held_out(task, document)))
    if any(found["table"] for found in document["tasks"].values()):
        parts.append("\n".join(wrapped(line, width) for line in LEGEND))
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


def held_out(task: str, document: Mapping[str, Any]) -> list[str]:
    """What the models of a task were measured on, in sentences."""
    facts = document["tasks"][task]["held_out"]
    made_elsewhere = [row for row in document["tasks"][task]["table"] if row.get("warnings")]
    unseen = "none of which any model was trained on"
    if made_elsewhere:
        unseen = "none of which any model itself was trained on"
    said = [
        f"measured on the same {facts['comparisons']:,} held-out comparisons ({facts['decided']:,} with a winner) of "
        f"{facts['prompts']:,} prompts and {len(facts['models'])} LLMs, {unseen}"
    ]
    said += [f"{clean(row['label'])}: {clean(warning)}" for row in made_elsewhere for warning in row["warnings"]]
    if facts["left_out"] or facts["left_out_models"]:
        names = [clean(name) for name in facts["left_out_models"]]
        more = f" and {len(names) - 8} more" if len(names) > 8 else ""
        said.append(
            f"left out: {facts['left_out']:,} comparisons, of LLMs that not all models know: "
            f"{', '.join(names[:8])}{more} (--min-model-rows N sets every filter alike)"
        )
    return said


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


def _shorter(task: str, rows: Sequence[Sequence[str]], width: int) -> str:
    """The table with the models' names alone, if they tell them apart."""
    names = [row[0].partition("/")[2] for row in rows]
    if len(set(names)) < len(names):
        return blocks(HEADERS[task], rows, width)
    return blocks(HEADERS[task], [(name, *row[1:]) for name, row in zip(names, rows, strict=True)], width)


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
    for task, found in document["tasks"].items():
        header = HEADERS[task]
        lines = ["| " + " | ".join(header) + " |", "|---" + "|---:" * (len(header) - 1) + "|"]
        for row in [*found["table"], *not_measured(task, document)]:
            escaped = (cell.strip().replace("|", "\\|") for cell in cells(task, row))
            lines.append("| " + " | ".join(escaped) + " |")
        parts += [f"## {task.capitalize()}", "\n".join(lines)]
        parts.append("\n".join(f"- {sentence}" for sentence in [*held_out(task, document), *LEGEND]))
    lost = [f"- {clean(row['label'])}: {reason(row)}" for row in document["models"] if reason(row)]
    if lost:
        parts += ["## Not measured", "\n".join(lost)]
    return "\n\n".join(parts) + "\n"
