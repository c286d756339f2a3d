"""How the command line speaks: results on standard output, everything else on standard error.

With ``--json`` a command prints exactly one document on standard output, also when it fails.
"""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from runner.cli import streams
from runner.errors import Fault, RunnerError, SpecError


def print_json(document: Any) -> None:
    """The one document. Text that is no Unicode (a file name may be any bytes) goes into it as escapes."""
    text = jsonlib.dumps(document, indent=2, ensure_ascii=False, default=str)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = jsonlib.dumps(document, indent=2, default=str)
    print(text)


def show(document: Any, human: Callable[[], str] | str, *, as_json: bool, kept: str | None = None) -> None:
    """Print a command's result: the document, or the text that a person reads.

    ``kept`` says what was done, or where the result is: such a command has succeeded even if this cannot be printed.
    """
    if as_json:
        print_json(document)
    else:
        text = human if isinstance(human, str) else human()
        if text:
            print(text)
    if kept is not None:
        streams.forgive(kept)


def say(text: str) -> None:
    """A line for the person at the terminal: standard error."""
    print(text, file=sys.stderr, flush=True)


def table(header: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[int] = ()) -> str:
    """An aligned plain table. ``right`` lists the columns (from 0) that are numbers."""
    cells = [[str(cell) if cell is not None else "-" for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(header), *cells]) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        return "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()

    return "\n".join([line(list(header)), line(["-" * width for width in widths]), *map(line, cells)])


def fault_text(fault: Fault, source: str | None, label: str = "") -> str:
    """One fault as a person reads it: its place and cause on one line, what to know and do below."""
    position = f"{fault.line}:{fault.column}" if fault.line is not None else ""
    place = ": ".join(part for part in (":".join(p for p in (source or "", position) if p), fault.pointer) if part)
    lines = [": ".join(part for part in (place, f"{label}{fault.message}") if part)]
    facts = [
        f"{name}: {value}"
        for name, value in (("expected", fault.expected), ("found", fault.found))
        if value is not None
    ]
    if facts:
        lines.append("  " + "   ".join(facts))
    if fault.hint:
        lines.append(f"  {fault.hint}")
    return "\n".join(lines)


def error_text(error: RunnerError) -> str:
    """An error as a person reads it."""
    if isinstance(error, SpecError):
        lines = [fault_text(fault, error.source) for fault in error.faults]
        count = len(error.faults)
        lines.append(f"{count} fault{'' if count == 1 else 's'}; nothing was run")
    else:
        place = f"{error.where}: " if error.where else ""
        lines = [f"error: {place}{error.message}"]
    if error.hint:
        lines.append(f"  {error.hint}")
    return "\n".join(lines)
