"""``style``: a style's words in the system's turn of every row of every part.

Done twice it is as done once: a row that has the words already stays as it is. Everything else of a row stays too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from runner.contract import Section, option
from runner.errors import DataError
from runner.pipeline.steps import Inputs
from runner.pipeline.steps.row_files import need_rows, part_writer, rows_of
from runner.pipeline.steps.row_forms import turns_of
from runner.pipeline.steps.step_report import StepReport

HINT = "`runner data process` makes rows with system, user and assistant, or messages, of raw ones"
RENDERED = "rows are styled before they are rendered"


class Options(Section):
    """What ``style`` is told."""

    style: str = option(min_length=1, description="The words, as they stand: quotes and dollar signs are letters.")
    mode: Literal["prepend", "replace"] = option(
        "prepend",
        description="prepend: the style, an empty line, then the system's words of the row; replace: the style only.",
    )


def run(inputs: Inputs, options: Options, out: Path) -> StepReport:
    """Each part with its rows styled. Raises :class:`DataError` for a blank style, and a row that is no dialogue."""
    style = options.style.strip()
    if not style:
        raise DataError("the style is blank", where="style", hint="say what the system's turn is to say")
    report = StepReport()
    for part, path in inputs.items():
        with part_writer(out, part, report) as writer:
            for place, row in rows_of(path, report):
                made = styled(row, style, options.mode, place)
                if made == row:
                    report.facts["styled_already"] = report.facts.get("styled_already", 0) + 1
                writer.write(made)
    need_rows(report, inputs, HINT)
    return report


def styled(row: Mapping[str, Any], style: str, mode: str, place: str = "") -> dict[str, Any]:
    """A row with ``style`` in its system turn. Raises :class:`DataError` for a row that is no dialogue."""
    if turns_of(row) is None:
        names = ", ".join(map(repr, row)) or "nothing"
        rendered = row.keys() >= {"input", "target"}
        raise DataError(f"the row has {names}, and no turns", where=place, hint=RENDERED if rendered else HINT)
    if "messages" not in row:
        return dict(row) | {"system": _words(row.get("system"), style, mode)}
    messages = [dict(each) for each in row["messages"]]
    if messages and messages[0]["role"] == "system":
        messages[0]["content"] = _words(messages[0].get("content"), style, mode)
    else:
        messages.insert(0, {"role": "system", "content": style})
    return dict(row) | {"messages": messages}


def _words(system: Any, style: str, mode: str) -> str:
    there = system.strip() if isinstance(system, str) else ""
    if mode == "replace" or not there:
        return style
    return there if there == style or there.startswith(f"{style}\n\n") else f"{style}\n\n{there}"
