"""One side of the split as prompts: what the model is fed for each."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from runner.builders.language._rows.row_report import RowReport
from runner.chat.refusals import Unrenderable
from runner.contract import Table
from runner.data.dialogues.row_types import PromptRow
from runner.data.kept_rows import taken
from runner.training.tokens import Tokens, TokenWriter

NO_ROOM = "left out, as the prompt leaves no room for max_new_tokens"


@dataclass(frozen=True)
class PromptSide:
    """Prompts, and the token ids of each."""

    rows: Sequence[PromptRow]
    ids: Tokens
    report: RowReport

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of every prompt, int64 ``[n]``."""
        return self.ids.lengths

    def prompt(self, at: int) -> list[int]:
        """The token ids of one of them."""
        return self.ids[at].tolist()


def prompts(rows: Sequence[PromptRow], renderer: Any, spec: Any, side: str, cache: Path | None = None) -> PromptSide:
    """The rows that the template takes, and that leave room for an answer within ``max_length``.

    ``cache``: the folder where many tokens lie.
    """
    report = RowReport(side, read=len(rows))
    kept, ids = array("q"), TokenWriter(cache)
    for at, row in enumerate(rows):
        try:
            found = renderer.prompt(row.prompt)
        except Unrenderable as error:
            report.count(error.reason, row.line, error.message, error.hint)
            continue
        if len(found) + spec.max_new_tokens > spec.max_length:
            report.count(
                NO_ROOM, row.line, hint="a greater max_length, or a smaller max_new_tokens",
                where="/model/spec/max_length",
            )  # fmt: skip
            continue
        kept.append(at)
        ids.add([found])
    made = ids.done()
    report.rows = report.used = len(kept)
    report.tokens = int(made.ends[-1])
    # What is learned is drawn, and not known before.
    report.trained_tokens = len(kept) * spec.max_new_tokens
    return PromptSide(taken(rows, np.array(kept, np.int64)), made, report)


def table(sides: Sequence[PromptSide]) -> Table:
    """Prompts and their tokens on both sides."""
    rows = [[each.report.side, len(each), each.report.tokens, each.report.read - each.report.used] for each in sides]
    columns = ["side", "prompts", "tokens", "left out"]
    return Table("rows", "Prompts as tokens", columns, rows, decimals=dict.fromkeys(columns[1:], 0))
