"""What a step did: rows read and written, what was left out or changed and why, and the files with their checksums."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar


@dataclass
class WrittenFile:
    """A file of the output. ``rows`` is None of a file that holds none."""

    sha256: str
    bytes: int
    rows: int | None = None


@dataclass
class StepReport:
    """Counts are whole; at most :data:`NAMED` places are kept for each reason."""

    NAMED: ClassVar[int] = 20

    rows_read: int = 0
    rows_written: int = 0
    #: Rows that were left out, by reason, and rows that were used otherwise than they stood.
    dropped: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    #: Reason -> ``FILE:LINE`` of the first rows.
    named: dict[str, list[str]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    #: What a step tells beside, such as the forms that were recognised.
    facts: dict[str, Any] = field(default_factory=dict)
    #: Part -> the name of its file in the output.
    parts: dict[str, str] = field(default_factory=dict)
    files: dict[str, WrittenFile] = field(default_factory=dict)

    def drop(self, reason: str, place: str) -> None:
        """A row is left out."""
        self.dropped[reason] += 1
        self.name(reason, place)

    def change(self, reason: str, place: str) -> None:
        """A row is used otherwise than it stands."""
        self.changed[reason] += 1
        self.name(reason, place)

    def name(self, reason: str, place: str) -> None:
        """Keep the place of one of the first rows that a reason has."""
        places = self.named.setdefault(reason, [])
        if len(places) < self.NAMED:
            places.append(place)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON has it."""
        # asdict makes a Counter of the pairs of another.
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        found |= {name: dict(found[name]) for name in ("dropped", "changed")}
        return found | {"files": {name: asdict(each) for name, each in self.files.items()}}

    @classmethod
    def of(cls, document: dict[str, Any]) -> StepReport:
        """The inverse of :meth:`as_dict`."""
        files = {name: WrittenFile(**each) for name, each in document["files"].items()}
        counts = {name: Counter(document[name]) for name in ("dropped", "changed")}
        return cls(**document | counts | {"files": files})
