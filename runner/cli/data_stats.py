"""``runner data stats``: what there is to know of rows, before and after the steps."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from runner.cli.data_steps import Path_
from runner.cli.output import say, show, table
from runner.cli.parameters import Json
from runner.contract.quantities import counted
from runner.workspace import Workspace

COLUMNS = ("min", "p5", "p50", "mean", "p95", "p99", "max")


def stats(
    path: Path_,
    *,
    model: Annotated[str | None, Parameter(help="Count tokens too, by this model's tokenizer.")] = None,
    json: Json = False,
) -> None:
    """Rows, turns, lengths, repeated rows and scripts of every part.

    Example: runner data stats data/split

    Example: runner data stats chats.jsonl --model HuggingFaceTB/SmolLM2-135M-Instruct --json
    """
    from runner.pipeline.steps import step
    from runner.pipeline.steps.preparing import inputs_of, options_of

    chosen = step("stats")
    options = options_of(chosen, {} if model is None else {"model": model})
    with tempfile.TemporaryDirectory(prefix="runner-") as aside:
        report = chosen.run(inputs_of(path, Workspace.current()), options, Path(aside))
    for warning in report.warnings:
        say(f"warning: {warning}")
    shared = report.facts.pop("asked_in_both", {})
    document = {"rows": report.rows_read, "left_out": dict(report.dropped), "named": report.named,
                "asked_in_both": shared, "warnings": report.warnings, "parts": report.facts}  # fmt: skip
    show(document, lambda: _text(document), as_json=json)


def _text(document: dict[str, Any]) -> str:
    lines = []
    for part, found in document["parts"].items():
        counts = [counted(found["rows"], "rows"), f"{found['repeated_rows']:,} repeated"]
        counts.append(f"{found['repeated_prompts']:,} asked before")
        told = f"{part}: {', '.join(counts)}"
        for name in ("forms", "turns_by_role", "scripts"):
            if found[name]:
                told += f"\n  {name.replace('_', ' ')}: " + ", ".join(f"{key} {n:,}" for key, n in found[name].items())
        rows = [(what, *(f"{each[column]:,}" for column in COLUMNS)) for what, each in found["lengths"].items()]
        lines.append(told + "\n" + table(("LENGTHS", *COLUMNS), rows, right=range(1, len(COLUMNS) + 1)))
    lines += [f"left out: {reason} ({count})" for reason, count in document["left_out"].items()]
    return "\n\n".join(lines)
