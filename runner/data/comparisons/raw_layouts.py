"""Raw comparisons of both published layouts, checked, as columns. What breaks the format is counted by reason.

``arena-human-preference-140k`` keeps a message's content as a list of parts (``[{"type": "text", "text": ...}]``),
``chatbot_arena_conversations`` as a plain string and says ``tie (bothbad)``; a file may mix them. Rows come in
batches, as Arrow (columns, vectorised) or as parsed JSON.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from runner import near_names
from runner.contract import DataReport
from runner.data import prompt_messages as messages
from runner.data.category_tags import TAG_COLUMN
from runner.data.comparisons.winner_words import SKIP, WINNERS, WinnerWords
from runner.errors import DataError

REQUIRED = ("model_a", "model_b", "winner", "conversation_a", "conversation_b")
#: A name for a row's kind of prompt. It may be absent, as may the category annotations.
GROUP_COLUMN = "kind"
COLUMNS = (*REQUIRED, TAG_COLUMN, GROUP_COLUMN)

#: Why a row is not used that ``winner_values.skip`` names.
LEFT_OUT = "winner word that is skipped"
#: Why one is not used whose winner nothing explains.
UNKNOWN = "unknown winner"
USER, ASSISTANT, SYSTEM, OTHER = 0, 1, 2, 3
#: Role -> its code, by every name that it goes by.
ROLES = {name: {"user": USER, "assistant": ASSISTANT, "system": SYSTEM}[role] for name, role in messages.ROLES.items()}


@dataclass
class Turns:
    """One side's conversations of a batch, flattened: row ``i`` owns the messages ``starts[i]:starts[i + 1]``."""

    starts: np.ndarray  # int64 [rows + 1]
    role: np.ndarray  # int8 [messages]
    wordless: np.ndarray  # bool [messages]: an image, or nothing that is text
    texts: Callable[[np.ndarray], list[str]]  # the texts at these message indices
    unreadable: np.ndarray | None = None  # bool [rows]: no list of messages at all


@dataclass
class Rows:
    """Checked comparisons as columns, and how many rows were passed over, and why."""

    model_a: list[str] = field(default_factory=list)
    model_b: list[str] = field(default_factory=list)
    winner: list[int] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    histories: list[tuple[str, ...]] = field(default_factory=list)
    responses_a: list[str] = field(default_factory=list)
    responses_b: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    tags: list[np.ndarray] = field(default_factory=list)  # float32 [rows of a batch, 12], NaN where unknown
    #: Each row's line or number in its file.
    numbers: list[int] = field(default_factory=list)
    #: What the data has no columns of: ``prompts``, ``responses``.
    lacks: frozenset[str] = frozenset()
    #: What each row's prompt is known by where it has no text, and several rows may have one prompt; None: by its row.
    keys: list[str] | None = None
    #: Whether rows are kept in which an LLM answered nothing.
    keeps_empty: bool = False
    read: int = 0
    #: Rows that the user's own words leave out: no fault of theirs.
    left_out: int = 0
    #: What a row's number counts: a line, or a row.
    unit: str = "row"
    skipped: Counter[str] = field(default_factory=Counter)
    #: Reason -> the first row (from 1) that has it.
    first: dict[str, int] = field(default_factory=dict)
    #: Reason -> the rows that have it, as many as a report names.
    named: dict[str, list[int]] = field(default_factory=dict)
    #: Words of the winner's column that nothing explains.
    words: WinnerWords | None = None

    def __len__(self) -> int:
        return len(self.winner)

    def empty(self) -> np.ndarray:
        """The rows in which an LLM answered nothing, bool ``[n]``; of data without responses, none."""
        pairs = () if "responses" in self.lacks else zip(self.responses_a, self.responses_b, strict=True)
        found = [not (a.strip() and b.strip()) for a, b in pairs]
        return np.array(found, bool) if found else np.zeros(len(self), bool)

    def skip(self, reasons: Sequence[str], numbers: Sequence[int]) -> None:
        """Count rows passed over; an empty reason is a row that is kept."""
        for reason, number in zip(reasons, numbers, strict=True):
            if reason:
                self.skipped[reason] += 1
                self.first.setdefault(reason, number)
                named = self.named.setdefault(reason, [])
                if len(named) < DataReport.NAMED:
                    named.append(number)

    def extend(self, other: Rows) -> None:
        """Append another source's rows; its row numbers stay its own."""
        for name in ("model_a", "model_b", "winner", "prompts", "histories", "responses_a", "responses_b"):
            getattr(self, name).extend(getattr(other, name))
        self.groups.extend(other.groups)
        self.numbers.extend(other.numbers)
        self.left_out += other.left_out
        self.tags.extend(other.tags)
        self.read += other.read
        self.skipped.update(other.skipped)
        for reason, number in other.first.items():
            self.first.setdefault(reason, number)
            self.named.setdefault(reason, []).extend(other.named[reason])


def require_columns(present: Sequence[str], where: str) -> None:
    """Raise :class:`DataError` that names every missing column, and what is there that looks like it."""
    missing = [name for name in REQUIRED if name not in present]
    if not missing:
        return
    near = [f"{match!r} for {name!r}" for name in missing if (match := near_names.nearest(name, map(str, present)))]
    raise DataError(
        f"missing column{'s' if len(missing) > 1 else ''} {', '.join(missing)}",
        where=where,
        hint=f"did you mean {', '.join(near)}?" if near else f"there are: {', '.join(map(str, present)) or 'none'}",
    )


def add(
    rows: Rows,
    model_a: Sequence[Any],
    model_b: Sequence[Any],
    winner: Sequence[Any],
    side_a: Turns,
    side_b: Turns,
    tags: np.ndarray,
    groups: Sequence[Any],
    numbers: Sequence[int],
    earlier: Sequence[tuple[str, ...]] | None = None,
) -> None:
    """Check a batch's rows, given as columns, and append the good ones; ``numbers`` are theirs in the source.

    ``earlier`` has each row's turns before the last, where they are in none of the conversations.
    """
    n = len(model_a)
    reasons = np.full(n, "", dtype=object)

    def mark(bad: np.ndarray, reason: str) -> None:
        """Give rows a reason, unless they have one: the first fault found is the one that is told."""
        reasons[bad & (reasons == "")] = reason

    def rows_where(test: Callable[[Any, Any], bool], left: Sequence[Any], right: Sequence[Any]) -> np.ndarray:
        return np.fromiter((test(x, y) for x, y in zip(left, right, strict=True)), bool, n)

    mark(rows_where(lambda a, b: not (_filled(a) and _filled(b)), model_a, model_b), "missing model name")
    mark(rows_where(lambda a, b: a == b, model_a, model_b), "same model twice")
    codes = [WINNERS.get(value, -1) if isinstance(value, str) else -1 for value in winner]
    skipped = np.array([value == SKIP for value in winner], bool)
    mark(skipped, LEFT_OUT)
    rows.left_out += int((reasons == LEFT_OUT).sum())
    mark(np.array(codes, np.int64) < 0, UNKNOWN)
    for side in (side_a, side_b):
        if side.unreadable is not None:
            mark(side.unreadable, "a conversation that is no list of messages")
    for side in (side_a, side_b):
        mark(np.diff(side.starts) == 0, "empty conversation")
    for side in (side_a, side_b):
        mark(_any(side, side.wordless), "content that is not text")
    for side in (side_a, side_b):
        mark(_any(side, side.role == OTHER), "a role that is not user, assistant or system")
    for side in (side_a, side_b):
        mark(_out_of_order(side), "roles out of order")
    # Past this point a row ends in a user's message and an assistant's; only such rows are read.
    sound = np.flatnonzero(reasons == "")
    prompts_a, prompts_b = (side.texts(side.starts[sound + 1] - 2) for side in (side_a, side_b))
    responses_a, responses_b = (side.texts(side.starts[sound + 1] - 1) for side in (side_a, side_b))
    histories: list[tuple[str, ...]] = []
    for at, row in enumerate(sound.tolist()):
        history, same = _history(side_a, side_b, row)
        histories.append(earlier[row] if earlier is not None else history)
        if "prompts" not in rows.lacks and not prompts_a[at].strip():
            reasons[row] = "empty prompt"
        elif not (
            rows.keeps_empty or "responses" in rows.lacks or (responses_a[at].strip() and responses_b[at].strip())
        ):
            reasons[row] = "empty response"
        elif not same or prompts_a[at] != prompts_b[at]:
            reasons[row] = "prompts differ between a and b"
    keep = reasons[sound] == ""
    for at in np.flatnonzero(keep).tolist():
        row = sound[at]
        rows.model_a.append(model_a[row])
        rows.model_b.append(model_b[row])
        rows.winner.append(codes[row])
        rows.prompts.append(prompts_a[at])
        rows.histories.append(histories[at])
        rows.responses_a.append(responses_a[at])
        rows.responses_b.append(responses_b[at])
        rows.numbers.append(numbers[row])
        rows.groups.append(groups[row] if isinstance(groups[row], str) else "")
    rows.tags.append(tags[sound[keep]])
    rows.read += n
    rows.skip(list(reasons), numbers)


def _filled(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _any(side: Turns, flags: np.ndarray) -> np.ndarray:
    """Whether any of a row's messages has the flag: bool ``[rows]``."""
    total = np.concatenate([[0], np.cumsum(flags)])
    return total[side.starts[1:]] > total[side.starts[:-1]]


def _out_of_order(side: Turns) -> np.ndarray:
    """Rows that are not user, assistant, user, assistant ... after at most one system message: bool ``[rows]``."""
    lengths = np.diff(side.starts)
    first = np.minimum(side.starts[:-1], max(len(side.role) - 1, 0))
    system = (lengths > 0) & (side.role[first] == SYSTEM) if len(side.role) else np.zeros(len(lengths), bool)
    position = np.arange(len(side.role)) - np.repeat(side.starts[:-1] + system, lengths)
    wrong = (side.role != position % 2) & (position >= 0)
    turns = lengths - system
    return _any(side, wrong) | (turns % 2 != 0) | (turns == 0)


def _history(side_a: Turns, side_b: Turns, row: int) -> tuple[tuple[str, ...], bool]:
    """The turns before the last prompt, oldest first, and whether the users' are the same on both sides.

    What the two LLMs answered earlier may differ; such an answer is not context of the prompt, and is left out.
    """
    a, b = (side.starts[row : row + 2] for side in (side_a, side_b))
    if a[1] - a[0] == 2 and b[1] - b[0] == 2:
        return (), True
    if a[1] - a[0] != b[1] - b[0]:
        return (), False
    roles = side_a.role[a[0] : a[1] - 2]
    earlier_a, earlier_b = side_a.texts(np.arange(a[0], a[1] - 2)), side_b.texts(np.arange(b[0], b[1] - 2))
    pairs = list(zip(roles, earlier_a, earlier_b, strict=True))
    same = all(one == other for role, one, other in pairs if role != ASSISTANT)
    return tuple(one for _, one, other in pairs if one == other), same
