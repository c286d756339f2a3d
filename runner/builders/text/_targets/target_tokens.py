"""Sources and targets as tokens: what was cut of either side is counted, and no cut target teaches to end there."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from runner.contract import Table
from runner.contract.quantities import counted
from runner.data.dialogues.row_types import SourceRow
from runner.training.quiet_libraries import quietly
from runner.training.text_chunks import CHARACTERS, TEXTS, chunks
from runner.training.tokens import Tokens, TokenWriter

#: The label of a token that is not learned, which no tokenizer is ever given.
NOT_LEARNED = -100
#: Lines that are named in a message.
SHOWN = 8


@dataclass
class CutRows:
    """Lines of rows by what became of them on their way to tokens."""

    side: str
    sources: list[int] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    #: Targets with letters that the tokenizer has no token for.
    unknown: list[int] = field(default_factory=list)

    def tell(self, emit: Callable[..., None], spec: Any) -> None:
        """A warning for each sort of rows that there are."""
        for lines, what, pointer in (
            (self.sources, f"a source is cut at max_length ({spec.max_length:,} tokens)", "max_length"),
            (
                self.targets,
                f"a target is cut at max_target_length ({spec.max_target_length:,} tokens), and its end is not learned",
                "max_target_length",
            ),
            (self.unknown, "a target has letters that the tokenizer has no token for", "base_model_name"),
        ):
            if lines:
                shown = ", ".join(map(str, lines[:SHOWN])) + (", ..." if len(lines) > SHOWN else "")
                emit(
                    "warning",
                    message=f"{self.side}: {what}: {counted(len(lines), 'rows')} (line {shown})",
                    pointer=f"/model/spec/{pointer}",
                )


@dataclass(frozen=True)
class TargetTokens:
    """One side of the split. Several targets of a source are as many rows."""

    side: str
    rows: Sequence[SourceRow]
    #: Token ids of every source.
    sources: Tokens
    #: Of every target its labels, and the number of its source, int64 ``[n]``.
    labels: Tokens
    owners: np.ndarray
    cut: CutRows

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of source and target together, int64 ``[n]``."""
        found: np.ndarray = self.sources.lengths[self.owners] + self.labels.lengths
        return found

    @property
    def learned(self) -> np.ndarray:
        """Tokens of a target that the loss is of, int64 ``[n]``."""
        return self.labels.added(lambda labels: (labels != NOT_LEARNED).astype(np.float64)).astype(np.int64)


def encoded(rows: Sequence[SourceRow], tokenizer: Any, spec: Any, side: str, cache: Path | None = None) -> TargetTokens:
    """Both sides of every row as the model reads them. ``spec`` says the prefix, the lengths and which are learned.

    ``cache``: the folder where many tokens lie.
    """
    cut = CutRows(side)
    sources, labels, owners = TokenWriter(cache), TokenWriter(cache), array("q")
    first = spec.learned_targets == "first" and side == "train"
    for part in chunks(rows, TEXTS, CHARACTERS, lambda row: len(row.source) + sum(map(len, row.targets))):
        begin = len(sources)
        read = source_ids(tokenizer, [spec.source_prefix + row.source for row in part], spec.max_length)
        sources.add(ids for ids, _ in read)
        cut.sources += [row.line for row, (_, whole) in zip(part, read, strict=True) if not whole]
        pairs = [(at, text) for at, row in enumerate(part) for text in (row.targets[:1] if first else row.targets)]
        targets = _within(tokenizer, [text for _, text in pairs], spec.max_target_length, target=True)
        for (at, _), (ids, whole) in zip(pairs, targets, strict=True):
            if not whole:
                cut.targets.append(part[at].line)
                # To end here is not what the target does.
                ids = [NOT_LEARNED if token == tokenizer.eos_token_id else token for token in ids]
            if tokenizer.unk_token_id is not None and tokenizer.unk_token_id in ids:
                cut.unknown.append(part[at].line)
            labels.add([ids])
            owners.append(begin + at)
    return TargetTokens(side, rows, sources.done(), labels.done(), np.array(owners, np.int64), cut)


def source_ids(tokenizer: Any, texts: Sequence[str], length: int) -> list[tuple[list[int], bool]]:
    """The tokens of sources, their end included, and whether that is all of each."""
    return _within(tokenizer, texts, length, target=False)


def target_ids(tokenizer: Any, text: str, length: int) -> list[int]:
    """The tokens of one target."""
    return _within(tokenizer, [text], length, target=True)[0][0]


def _within(tokenizer: Any, texts: Sequence[str], length: int, *, target: bool) -> list[tuple[list[int], bool]]:
    if not texts:
        return []

    def ids(some: list[str], **words: Any) -> list[list[int]]:
        given = {"text_target": some} if target else {"text": some}
        found: list[list[int]] = tokenizer(**given, padding=False, **words)["input_ids"]
        return found

    with quietly():
        found = ids(list(texts))
        long = [at for at, each in enumerate(found) if len(each) > length]
        # The library keeps the tokens at a text's ends where it cuts.
        for at, each in zip(long, ids([texts[at] for at in long], truncation=True, max_length=length) if long else (),
                            strict=True):  # fmt: skip
            found[at] = each
    cut = set(long)
    return [(each, at not in cut) for at, each in enumerate(found)]


def cut_table(sides: Sequence[TargetTokens]) -> Table:
    """Rows and tokens of both sides."""
    columns = ["side", "sources", "targets", "source tokens", "target tokens", "sources cut", "targets cut"]
    rows = [
        [
            each.side, len(each.sources), len(each), int(each.sources.ends[-1]), int(each.learned.sum()),
            len(each.cut.sources), len(each.cut.targets),
        ]
        for each in sides
    ]  # fmt: skip
    return Table("rows", "Rows as tokens", columns, rows, decimals=dict.fromkeys(columns[1:], 0))
