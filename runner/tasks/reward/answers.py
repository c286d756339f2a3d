"""What a reward model says of rows: a score each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from runner.contract import AskOptions
from runner.tasks.answers import Answers, OpenedModel, check_each

Record = dict[str, Any]


class Rewards(Answers):
    """A record is ``{"reward": 0.71}``."""

    document_key = "rewards"

    def __init__(self, predictor: Any, options: AskOptions) -> None:
        super().__init__()
        self._predictor, self._options = predictor, options

    def check(self, rows: Any) -> None:
        if (ids := getattr(self._predictor, "checked_ids", None)) is not None:
            check_each(rows, ids)

    def answer(self, rows: Sequence[Any], batch_size: int) -> list[Record]:
        """One record a row, rounded to six decimals: the last digits hang on what is beside a row."""
        return [{"reward": round(score, 6) + 0.0} for score in self._predictor.predict(rows, self._options, batch_size)]

    def columns(self) -> list[tuple[str, str]]:
        return [("reward", "double")]

    def flat(self, record: Record) -> list[Any]:
        return [record["reward"]]


def open_answers(opened: OpenedModel, options: AskOptions, say: Callable[[str], None]) -> Rewards:
    """The answers of a predictor that scores."""
    return Rewards(opened.predictor, options)
