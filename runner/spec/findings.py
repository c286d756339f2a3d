"""What is found in a document: a fault with its place, and what a merge and a repair need to know of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runner.errors import Fault
from runner.spec import fault_messages, pointers
from runner.spec.pointers import Path
from runner.spec.reader import Document
from runner.spec.schema_walk import Schema


@dataclass(frozen=True)
class Finding:
    """One fault or warning. ``at`` is its place (of a missing field: where it would be), ``meant`` what was meant.

    ``sure`` says that nothing else can have been meant: a repair may put it there. ``literal`` is the JSON of the value
    that goes with an older spelling's present name, where that is another one.
    """

    fault: Fault
    at: Path
    sort: str
    meant: Any = None
    sure: bool = False
    schema: Schema | None = None
    literal: str | None = None


def find(
    document: Document,
    at: Path,
    sort: str,
    message: str,
    *,
    shown: Path | None = None,
    on_key: bool = False,
    expected: str | None = None,
    found: str | None = None,
    meant: Any = None,
    sure: bool = False,
    hint: str | None = None,
    schema: Schema | None = None,
) -> Finding:
    """A finding with its line and column. ``shown`` is the place to point at, where that is not ``at``."""
    pointer = pointers.join(at if shown is None else shown)
    line, column = document.key_position(pointer) if on_key else document.position(pointer)
    if hint is None and isinstance(meant, str):
        hint = f'did you mean "{meant}"?'
    return Finding(Fault(message, pointer, line, column, expected, found, hint), at, sort, meant, sure, schema)


def written(document: Document, at: Path, schema: Schema | None = None) -> str:
    """The value at a place as it is written, fit for a message."""
    name = next((str(part) for part in reversed(at) if isinstance(part, str)), "")
    return fault_messages.found(document.written(pointers.join(at)), name, schema)


def in_order(findings: list[Finding]) -> list[Finding]:
    """As a reader meets them."""
    return sorted(findings, key=lambda f: (f.fault.line or 0, f.fault.column or 0, f.fault.pointer))
