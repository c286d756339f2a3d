"""How much better than expected the answers of the data are: what losses learn of them that go by advantages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from runner.builders.language._learning.loss_terms import LOSSES
from runner.builders.language._rows.rendering import Side
from runner.builders.language._rows.token_rows import TokenRows
from runner.contract.quantities import counted
from runner.data.dialogues.row_types import ConversationRow
from runner.errors import DataError

LACKING = "left out, as it has no advantage"
COLUMN = "a column advantage with a number for each row; data.columns.advantage names another"


def with_advantages(
    losses: Any, rows: Sequence[Sequence[ConversationRow]], sides: Sequence[Side], emit: Callable[..., None]
) -> tuple[Side, Side, TokenRows]:
    """The rows to learn that have an advantage, the held-out ones whose advantage is above 0, and the advantages.

    These are in the place of the weights of the rows to learn. ``rows`` are the data's of both sides. Rows without an
    advantage are counted in their side's report. Raises :class:`DataError` where no row has one, and where all are 0
    and nothing else is learned.
    """
    named = ", ".join(losses.policy())
    where = f"{LOSSES}/{losses.policy()[0]}"
    learned, held = (_of(side, part) for side, part in zip(sides, rows, strict=True))
    if len(learned) and np.isnan(learned).all():
        raise DataError(f"the rows have no advantages, which {named} learns from", where=where, hint=COLUMN)
    for side, found in zip(sides, (learned, held), strict=True):
        for number in np.flatnonzero(np.isnan(found)).tolist():
            side.report.count(LACKING, int(side.groups[number]), hint=COLUMN)
    known = np.flatnonzero(~np.isnan(learned))
    better = learned[known]
    nothing = int((better == 0).sum())
    if nothing and nothing == len(better) and losses.by_advantages_alone():
        raise DataError(
            f"nothing would be learned: the advantage of every row is 0 ({counted(nothing, 'rows')})",
            where=where,
            hint="an advantage is a reward less what was expected, such as the mean of other answers to the prompt",
        )
    if nothing:
        emit("warning", message=f"{named}: {counted(nothing, 'rows')} of {len(better):,} teach nothing, as their "
             "advantage is 0", pointer=where)  # fmt: skip
    good = np.flatnonzero(held > 0)
    if len(good) < len(held):
        emit(
            "warning",
            message=f"{counted(len(good), 'rows')} of {len(held):,} that are held out are measured: those whose "
            "advantage is above 0, as the others are not to become likelier",
            pointer="/data",
        )
    train = sides[0].only(known)
    tokens = train.rows.tokens
    return train, sides[1].only(good), TokenRows(tokens, np.repeat(better, tokens.lengths).astype(np.float32))


def tell_unused(rows: Sequence[ConversationRow], emit: Callable[..., None]) -> None:
    """That the data has advantages and nothing learns from them."""
    if count := sum(row.advantage is not None for row in rows):
        emit(
            "warning",
            message=f"{counted(count, 'rows')} of {len(rows):,} have an advantage, of which nothing is learned: "
            "the losses importance_sampling, ppo and cispo of sft learn from it",
            pointer=LOSSES,
        )


def _of(side: Side, rows: Sequence[ConversationRow]) -> np.ndarray:
    """The advantage of every token row, float64 ``[n]``; NaN where its row has none."""
    by_line = {row.line: np.nan if row.advantage is None else row.advantage for row in rows}
    return np.array([by_line[line] for line in side.groups.tolist()], np.float64)
