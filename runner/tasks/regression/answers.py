"""What a regressor says of rows: a number for every target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from runner.tasks._supervised.distinct_columns import check_distinct
from runner.tasks._supervised.finite_answers import check_finite
from runner.tasks._supervised.supervised_predictor import SupervisedPredictor
from runner.tasks.answers import Answers, OpenedModel
from runner.tasks.regression.options import RegressionOptions

Record = dict[str, Any]


class NumberAnswers(Answers):
    """One model's answers by one set of options.

    A record is ``{"value": 12.3}``, in the target's own unit, and with several targets
    ``{"values": {"<target>": 12.3, ...}}``.
    """

    def __init__(self, predictor: SupervisedPredictor, options: RegressionOptions) -> None:
        super().__init__()
        self._predictor, self._options = predictor, options
        self._targets = tuple(predictor.targets)

    def facts(self) -> Record:
        """What decides every byte of the output beside the model and the rows."""
        return {"options": self._options.model_dump()}

    def provenance(self) -> Record:
        """What the provenance says of the answers: options, targets, and what the predictor counted."""
        return self.facts() | {"targets": list(self._targets)} | self._predictor.provenance()

    def answer(self, rows: Sequence[Any], batch_size: int) -> list[Record]:
        """One record a row. Raises :class:`~runner.errors.RunFailed` for a value that is not a finite number."""
        if not rows:
            return []
        said = self._predictor.predict(rows, self._options, batch_size)
        numbers: list[list[float]] = []
        for target in self._targets:
            values = np.asarray(said[target], np.float64)
            check_finite(values, f"the value of {target!r}", rows)
            numbers.append([self._rounded(value) for value in values.tolist()])
        if len(self._targets) == 1:
            return [{"value": value} for value in numbers[0]]
        return [{"values": dict(zip(self._targets, row, strict=True))} for row in zip(*numbers, strict=True)]

    def closing(self) -> list[str]:
        """What the predictor counted while it answered, such as unseen categories."""
        return self._predictor.closing()

    def columns(self) -> list[tuple[str, str]]:
        """``value``, or ``<target>/value`` for each of several."""
        if len(self._targets) == 1:
            return [("value", "double")]
        columns = [(f"{target}/value", "double") for target in self._targets]
        check_distinct(columns)
        return columns

    def flat(self, record: Record) -> list[Any]:
        """A record's cells in the order of :meth:`columns`."""
        return [record["value"]] if "value" in record else [record["values"][target] for target in self._targets]

    def _rounded(self, value: float) -> float:
        # 0.0 is added, so that nothing is called -0.0.
        return value if self._options.decimals is None else round(value, self._options.decimals) + 0.0


def open_answers(opened: OpenedModel, options: RegressionOptions, say: Callable[[str], None]) -> NumberAnswers:
    """The answers of a predictor with ``targets``.

    ``say`` is for what comes up while rows are answered; of this task nothing does.
    """
    return NumberAnswers(opened.predictor, options)
