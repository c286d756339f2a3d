"""Small inputs for steps, and what steps make of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from runner.pipeline.steps import step
from runner.pipeline.steps.step_report import StepReport


def lines(path: Path, rows: Iterable[Any]) -> Path:
    """A file of JSON Lines; a text is a line as it stands."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    path.write_text(text, "utf-8")
    return path


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def asked(count: int) -> list[dict[str, Any]]:
    """Rows that each ask something else."""
    return [{"system": "", "user": f"What is {n} and {n}?", "assistant": f"{2 * n}"} for n in range(count)]


def done(
    name: str, inputs: Path | Mapping[str, Path], out: Path, **options: Any
) -> tuple[StepReport, dict[str, list[dict[str, Any]]]]:
    """A step's report, and the rows of each part."""
    chosen = step(name)
    out.mkdir(parents=True)
    given = {"data": inputs} if isinstance(inputs, Path) else inputs
    report = chosen.run(given, chosen.options(**options), out)
    return report, {part: read(out / file) for part, file in report.parts.items()}
