"""What became of every setting of another program's configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from runner.errors import Fault

Outcome = Literal["carried", "changed", "no effect", "secret", "no equivalent", "unknown", "refused"]
#: In the order of a report, what is to be looked at first; and what each says of the settings below it.
HEADINGS: dict[Outcome, str] = {
    "refused": "refused, because it is not safe",
    "unknown": "not known to this format: nothing was done with it",
    "no equivalent": "no equivalent here",
    "changed": "changed",
    "secret": "kept out: a secret is in no spec",
    "no effect": "without an effect on the result",
    "carried": "carried over",
}


@dataclass(frozen=True)
class Entry:
    """One setting: where it stood, what became of it, and what to know and do.

    ``effect`` says that the trained model differs from theirs by it, or may.
    """

    key: str
    outcome: Outcome
    value: Any = None
    line: int | None = None
    pointers: tuple[str, ...] = ()
    what: str = ""
    do: str = ""
    effect: bool = False
    source: str | None = None


@dataclass(frozen=True)
class Written:
    """A default of the other program that is not ours, and is therefore in the spec."""

    pointer: str
    value: Any
    what: str = ""


@dataclass
class Report:
    """The spec that was made, and the account of it. ``to_add`` has what `runner validate` would still find."""

    format: str
    title: str
    source: str
    kind: str
    entries: list[Entry] = field(default_factory=list)
    defaults: list[Written] = field(default_factory=list)
    to_add: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    spec: dict[str, Any] = field(default_factory=dict)

    @property
    def lost(self) -> list[Entry]:
        """The settings that had an effect on the result, and have none, or another one, now."""
        return [entry for entry in self.entries if entry.effect]

    @property
    def whole(self) -> bool:
        """Whether the spec says all that the configuration said of the result, and is valid."""
        return not self.lost and not self.to_add

    def as_dict(self) -> dict[str, Any]:
        document = {key: value for key, value in asdict(self).items() if key != "spec"}
        for entry in document["entries"]:
            entry["pointers"] = list(entry["pointers"])
        return document | {"whole": self.whole, "spec": self.spec}


def text(report: Report) -> str:
    """The report as a person reads it: what was lost first, then what was changed, then what was carried over."""
    parts = [f"{report.source}: {report.title}, as a spec of {report.kind}", *report.notes]
    parts += lines(report.entries, report.source)
    if report.defaults:
        parts += ["", f"their defaults, which are not ours, written into the spec ({len(report.defaults)}):"]
        parts += [
            f"  {one.pointer} {_json(one.value)}" + (f": {one.what}" if one.what else "") for one in report.defaults
        ]
    if report.to_add:
        parts += ["", f"to be put right before it is a valid spec ({len(report.to_add)}):"]
        for fault in report.to_add:
            parts.append(f"  {fault.pointer or '/'}: {fault.message}")
            parts += [f"      {fault.hint}"] if fault.hint else []
    return "\n".join([*parts, "", _sum(report)])


def lines(entries: Sequence[Entry], source: str) -> list[str]:
    """The entries under their headings, what is to be looked at first above."""
    parts: list[str] = []
    for outcome, heading in HEADINGS.items():
        found = [entry for entry in entries if entry.outcome == outcome]
        if found:
            parts += ["", f"{heading} ({len(found)}):", *_lines(found, source)]
    return parts


def _sum(report: Report) -> str:
    count = len(report.entries)
    settings = f"{count} setting{'' if count == 1 else 's'}"
    if report.whole:
        return f"{settings}; nothing that has an effect on the result was lost"
    said = []
    if report.lost:
        said.append(f"{len(report.lost)} with an effect on the result could not be carried over as they are")
    if report.to_add:
        said.append("the spec is not valid yet")
    return f"{settings}; {', and '.join(said)}"


def _lines(entries: Sequence[Entry], source: str) -> list[str]:
    lines = []
    for entry in entries:
        place = ""
        if entry.line is not None:
            file = "" if entry.source == source else f"{entry.source}:" if entry.source else "word "
            place = f"{file}{entry.line}: "
        value = "" if entry.value is None else f" = {_json(entry.value)}"
        to = f" -> {', '.join(entry.pointers)}" if entry.pointers else ""
        lines.append(f"  {place}{entry.key}{value}{to}")
        lines += [f"      {said}" for said in (entry.what, entry.do) if said]
    return lines


def _json(value: Any) -> str:
    import json

    written = json.dumps(value, ensure_ascii=False, default=str)
    return written if len(written) <= 80 else f"{written[:77]}..."
