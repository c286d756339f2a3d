"""The spec before it is written: every value with its origin, its faults, and a trial on a few rows."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.errors import DataError, Fault, RunnerError, SpecError
from runner.spec import pointers
from runner.wizard.draft import Draft
from runner.wizard.session import Session

#: So many rows are read for a trial; where a split of them leaves nothing to measure on, more.
TRIED = (8, 64, 512)
ORIGINS = {"flag": "flag", "file": "file", "data": "data", "you": "you", None: "you"}


@dataclass(frozen=True)
class Row:
    """A line of the review."""

    pointer: str
    value: str
    origin: str


def fault_line(fault: Fault) -> str:
    """A fault in a line: its place, what is wrong, what to do."""
    place = f"{fault.pointer}: " if fault.pointer else ""
    facts = [text for text in (fault.expected and f"expected {fault.expected}", fault.hint) if text]
    return place + fault.message + (f" ({'; '.join(facts)})" if facts else "")


def rows(draft: Draft, session: Session) -> list[Row]:
    """Every value of the resolved spec that is set, with where it comes from; of a spec with faults what it has."""
    from runner.spec.checking import load_object
    from runner.spec.origins import origins

    try:
        found = origins(load_object(draft.document))
    except SpecError:
        return [Row(at, _text(value), draft.origin(at) or "you") for at, value in _leaves(draft.document, ())]
    return [
        Row(
            each.pointer,
            _text(each.value),
            "default" if each.origin == "default" else draft.origin(each.pointer) or "you",
        )
        for each in found
        if each.value is not None or draft.has(each.pointer)
    ]


def unset(draft: Draft) -> int:
    """How many fields are not set."""
    from runner.spec.checking import load_object
    from runner.spec.origins import origins

    try:
        found = origins(load_object(draft.document))
    except SpecError:
        return 0
    return sum(1 for each in found if each.value is None and not draft.has(each.pointer))


def table(draft: Draft, session: Session) -> str:
    """The review as a person reads it, no line wider than the window."""
    width = max(30, shutil.get_terminal_size().columns - 1)
    lines = rows(draft, session)
    names = min(max(len(row.pointer) for row in lines), max(16, width // 2))
    room = min(max(6, width - names - 2 - 2 - len("default")), max(5, *(len(row.value) for row in lines)))
    drawn = ["FIELD".ljust(names) + "  " + "VALUE".ljust(room) + "  FROM"]
    drawn += [
        _cut(row.pointer, names, end=True).ljust(names) + "  " + _cut(row.value, room).ljust(room) + "  " + row.origin
        for row in lines
    ]
    if count := unset(draft):
        drawn.append(f"{count} fields more are not set.")
    return "\n".join(drawn)


def _cut(text: str, room: int, *, end: bool = False) -> str:
    if len(text) <= room:
        return text
    return "…" + text[-(room - 1) :] if end else text[: room - 1] + "…"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _leaves(value: Any, path: tuple[str, ...]) -> list[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        return [leaf for key, item in value.items() for leaf in _leaves(item, (*path, key))]
    return [(pointers.join(path), value)]


def free_file(draft: Draft, session: Session) -> str:
    """A file that is not there yet, called as the model is; the one that the spec came from, if there is one."""
    if draft.own.get("from"):
        return str(draft.own["from"])
    name, at = str(draft.get("/model/name") or "spec").replace(" ", "-"), 2
    path = f"{name}.json"
    while (session.folder / path).exists():
        path, at = f"{name}-{at}.json", at + 1
    return path


def trial(draft: Draft, session: Session) -> str:
    """The dry run of a training on eight rows: what it would read of them, and what it would take. Nothing starts."""
    error: RunnerError | None = None
    for count in TRIED:
        try:
            return _trial(draft, session, count)
        except DataError as found:
            # A split of eight rows may leave nothing on one side: that says nothing of the data.
            error = found
        except RunnerError as found:
            return f"  ! {found.message}" + (f": {found.hint}" if found.hint else "")
    assert error is not None
    return f"  ! {error.message}" + (f": {error.hint}" if error.hint else "")


def _trial(draft: Draft, session: Session, count: int) -> str:
    from copy import deepcopy

    from runner.contract import LoadContext
    from runner.execution.dry_run import dry_run
    from runner.spec.checking import load_object

    document = deepcopy(draft.document)
    limit = document["data"].get("max_samples")
    document["data"]["max_samples"] = min(count, limit) if isinstance(limit, int) else count
    loaded = load_object(document)
    # What the kind tells of all rows is told behind this.
    plan = dry_run(loaded, session.workspace, asks_kind=False)
    lines = [f"Of {document['data']['max_samples']} rows, read as the training reads them:"]
    for name, value in (plan["data"] or {}).items():
        if isinstance(value, int | float | str):
            lines.append(f"  {name.replace('_', ' ')}: {value}")
    if plan["data"] is None:
        lines.append(f"  {plan['data_unknown']}")
    else:
        section: Any = loaded.spec.data
        read = section.load(LoadContext(loaded.spec.model.spec, session.workspace.cache, lambda event, **more: None))  # type: ignore[arg-type]
        lines += _preview(section, read)
    lines += [f"  {warning}" for warning in plan["warnings"]]
    lines.append(f"It would run {plan['executor']}, and be stored as {plan['stored_as']}.")
    return "\n".join(lines)


def _preview(section: Any, read: Any) -> list[str]:
    text = section.preview_text(read, 3)
    if text:
        return text.splitlines()
    shown = section.preview(read, 3)
    width = shutil.get_terminal_size().columns - 1
    lines = ["  " + " | ".join(str(name) for name in shown.columns)] if shown.columns else []
    lines += ["  " + " | ".join(str(cell) for cell in row) for row in shown.rows[:3]]
    return [_cut(line, width) for line in lines]


def file_of(draft: Draft) -> Path | None:
    """The file that the spec is written to, once it was named."""
    named = draft.own.get("file")
    return Path(str(named)).expanduser() if named else None
