"""What became of every row on its way to tokens: what was cut, what trains nothing, what was refused, by line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from runner.contract import Table
from runner.contract.quantities import counted
from runner.errors import DataError

#: Lines that are named in a message, and kept of every reason.
SHOWN, NAMED = 8, 100


@dataclass
class RowReport:
    """Counts and lines of one side of the split."""

    #: ``train`` or ``validation``.
    side: str
    #: Lines of the data that were read, and those of which something is left.
    read: int = 0
    used: int = 0
    #: Token rows.
    rows: int = 0
    tokens: int = 0
    trained_tokens: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    lines: dict[str, list[int]] = field(default_factory=dict)
    #: What the first row of a reason was refused for.
    messages: dict[str, str] = field(default_factory=dict)
    hints: dict[str, str] = field(default_factory=dict)
    #: The fields of the spec that rows were lost by; None for the data itself.
    places: set[str | None] = field(default_factory=set)
    notes: dict[str, int] = field(default_factory=dict)

    def count(
        self, reason: str, line: int, message: str = "", hint: str | None = None, where: str | None = None
    ) -> None:
        """One more row of which this is to be told. ``where`` is the pointer of the field that it is lost by."""
        if reason not in KEPT:
            self.places.add(where)
        self.counts[reason] = self.counts.get(reason, 0) + 1
        named = self.lines.setdefault(reason, [])
        if len(named) < NAMED:
            named.append(line)
        if message:
            self.messages.setdefault(reason, message)
        if hint:
            self.hints.setdefault(reason, hint)

    def note(self, sentences: tuple[str, ...]) -> None:
        """What a template did to a row's texts."""
        for sentence in sentences:
            self.notes[sentence] = self.notes.get(sentence, 0) + 1

    def sentences(self) -> list[str]:
        """One sentence for each reason, with the first lines."""
        found = []
        for reason, count in self.counts.items():
            lines = ", ".join(map(str, self.lines[reason][:SHOWN])) + (", ..." if count > SHOWN else "")
            why = f": {self.messages[reason]}" if reason in self.messages else ""
            found.append(f"{self.side}: {reason}: {counted(count, 'rows')} (line {lines}){why}")
        return found + [f"{self.side}: {sentence} ({counted(count, 'rows')})" for sentence, count in self.notes.items()]

    def tell(self, emit: Callable[..., None]) -> None:
        for sentence in self.sentences():
            emit("warning", message=sentence, pointer="/data")

    def table_row(self) -> list[Any]:
        lost = sum(count for reason, count in self.counts.items() if reason not in KEPT)
        return [self.side, self.rows, self.tokens, self.trained_tokens, self.counts.get(CUT, 0), lost]


#: Reasons: the first keeps its row, the second has none.
CUT = "cut at max_length"
NOTHING = "left out, as nothing of it would be learned"
KEPT = frozenset({CUT})
#: What to do where rows are lost, by what they are lost by: no field is named that the kind does not have.
LONGER, OTHER_TURNS, OTHER_ROWS = "a greater max_length", "another loss_on, or rows with answers", "other rows"


def table(reports: list[RowReport]) -> Table:
    """Rows and tokens of both sides."""
    return Table(
        "rows",
        "Rows as tokens",
        ["side", "rows", "tokens", "trained tokens", "cut", "left out"],
        [report.table_row() for report in reports],
        decimals=dict.fromkeys(["rows", "tokens", "trained tokens", "cut", "left out"], 0),
    )


def tell(reports: Sequence[RowReport], emit: Callable[..., None], most_lost: float = 1.0) -> None:
    """Tell of all rows that are not learned whole.

    Raises :class:`DataError` where training would learn nothing, or more than the share ``most_lost`` of the rows to
    learn is lost.
    """
    for report in reports:
        report.tell(emit)
    train = reports[0]
    lost = train.read - train.used
    if train.trained_tokens and lost <= most_lost * train.read:
        return
    reasons = "; ".join(train.sentences()) or "there is no row"
    hint = next(iter(train.hints.values()), OTHER_ROWS)
    places = train.places - {None} if None not in train.places else set()
    if not train.trained_tokens:
        raise DataError(
            f"nothing would be learned: {reasons}",
            where=places.pop() if len(places) == 1 else "/data",
            hint=hint,
        )
    raise DataError(
        f"{lost:,} of {counted(train.read, 'rows')} would not be learned: {reasons}",
        where="/data/max_rows_lost",
        hint=f"{hint}; or allow it: data.max_rows_lost is the share that may be lost",
    )
