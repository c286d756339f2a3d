"""What a classifier says of rows: a label with its score for every target, more by the options."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from runner.errors import UsageError
from runner.tasks._supervised.distinct_columns import check_distinct
from runner.tasks._supervised.finite_answers import check_finite
from runner.tasks._supervised.supervised_predictor import SupervisedPredictor
from runner.tasks.answers import Answers, OpenedModel
from runner.tasks.classification.decisions import HALF, decide
from runner.tasks.classification.options import ClassificationOptions

Record = dict[str, Any]


class ClassAnswers(Answers):
    """One model's answers by one set of options.

    A record is ``{"label": "setosa", "score": 0.97}``: the decided class and its probability. ``probabilities`` adds
    ``{"setosa": 0.97, ...}``, ``top_k`` adds ``"top": [{"label": ..., "score": ...}, ...]``, the most probable class
    first. With several targets it is ``{"labels": {"<target>": <that>, ...}}``.
    """

    def __init__(self, predictor: SupervisedPredictor, options: ClassificationOptions) -> None:
        super().__init__()
        self._predictor, self._options = predictor, options
        self._targets: dict[str, tuple[str, ...]] = {name: tuple(own) for name, own in predictor.targets.items()}
        self._thresholds = _thresholds(self._targets, predictor.thresholds, options)
        largest = max(len(classes) for classes in self._targets.values())
        if options.top_k is not None and options.top_k > largest:
            self.warnings.append(f"top_k is {options.top_k}, and there are {largest} classes: all of them are given")

    def facts(self) -> Record:
        """What decides every byte of the output beside the model and the rows."""
        return {"options": self._options.model_dump(), "thresholds": self._thresholds}

    def provenance(self) -> Record:
        """What the provenance says of the answers: options, classes, thresholds, and what the predictor counted."""
        classes = {name: list(own) for name, own in self._targets.items()}
        return self.facts() | {"classes": classes} | self._predictor.provenance()

    def answer(self, rows: Sequence[Any], batch_size: int) -> list[Record]:
        """One record a row. Raises :class:`~runner.errors.RunFailed` for a score that is not a finite number."""
        if not rows:
            return []
        said = self._predictor.predict(rows, self._options, batch_size)
        records: dict[str, list[Record]] = {}
        for target in self._targets:
            probabilities = np.asarray(said[target], np.float64)
            check_finite(probabilities, f"the score of {target!r}", rows)
            records[target] = self._records(target, probabilities)
        if self._alone:
            return records[next(iter(self._targets))]
        together = zip(*records.values(), strict=True)
        return [{"labels": dict(zip(records, each, strict=True))} for each in together]

    def closing(self) -> list[str]:
        """What the predictor counted while it answered, such as unseen categories."""
        return self._predictor.closing()

    def columns(self) -> list[tuple[str, str]]:
        """``label`` and ``score``, ``top/1/label``, ``probabilities/<class>``; of several targets behind their name."""
        columns: list[tuple[str, str]] = []
        for target, classes in self._targets.items():
            own = [("label", "string"), ("score", "double")]
            for place in range(1, self._top(target) + 1):
                own += [(f"top/{place}/label", "string"), (f"top/{place}/score", "double")]
            if self._options.probabilities:
                own += [(f"probabilities/{name}", "double") for name in classes]
            columns += own if self._alone else [(f"{target}/{name}", kind) for name, kind in own]
        check_distinct(columns)
        return columns

    def flat(self, record: Record) -> list[Any]:
        """A record's cells in the order of :meth:`columns`."""
        cells: list[Any] = []
        for own in [record] if self._alone else [record["labels"][target] for target in self._targets]:
            cells += [own["label"], own["score"]]
            for place in own.get("top", ()):
                cells += [place["label"], place["score"]]
            cells += own.get("probabilities", {}).values()
        return cells

    @property
    def _alone(self) -> bool:
        return len(self._targets) == 1

    def _top(self, target: str) -> int:
        """How many classes of a target are given in order."""
        return min(self._options.top_k or 0, len(self._targets[target]))

    def _records(self, target: str, probabilities: np.ndarray) -> list[Record]:
        classes, top = self._targets[target], self._top(target)
        decided = decide(probabilities, self._thresholds.get(target))
        score = probabilities[np.arange(len(decided)), decided].tolist()
        records: list[Record] = [
            {"label": classes[at], "score": value} for at, value in zip(decided.tolist(), score, strict=True)
        ]
        if top:
            order = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]
            values = np.take_along_axis(probabilities, order, axis=1).tolist()
            for record, first, own in zip(records, order.tolist(), values, strict=True):
                record["top"] = [{"label": classes[at], "score": value} for at, value in zip(first, own, strict=True)]
        if self._options.probabilities:
            for record, values in zip(records, probabilities.tolist(), strict=True):
                record["probabilities"] = dict(zip(classes, values, strict=True))
        return records


def open_answers(opened: OpenedModel, options: ClassificationOptions, say: Callable[[str], None]) -> ClassAnswers:
    """The answers of a predictor with ``targets`` and perhaps ``thresholds``, one for a target of two classes.

    ``say`` is for what comes up while rows are answered; of this task nothing does. Raises
    :class:`~runner.errors.UsageError` for an option that this model has no use for.
    """
    return ClassAnswers(opened.predictor, options)


def _thresholds(
    targets: dict[str, tuple[str, ...]], stored: Mapping[str, float], options: ClassificationOptions
) -> dict[str, float]:
    """The threshold of every target of two classes: the one asked for, else the stored one, else one half."""
    two = [target for target, classes in targets.items() if len(classes) == 2]
    if options.threshold is not None and not two:
        raise UsageError(
            "a threshold decides between two classes, and the model has "
            + ", ".join(f"{len(classes)} of {target!r}" for target, classes in targets.items()),
            where="threshold",
            hint="leave it out: the most probable class is given",
        )
    if options.threshold is not None:
        return dict.fromkeys(two, options.threshold)
    return {target: float(stored.get(target, HALF)) for target in two}
