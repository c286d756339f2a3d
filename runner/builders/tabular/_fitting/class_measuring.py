"""What is particular to classes: their weights, thresholds, and measures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from runner.builders.tabular._learners.parameters import TabularTask
from runner.contract import Table, TrainContext
from runner.data.table_rows.table_side import TableSplit
from runner.errors import DataError
from runner.tasks._supervised.measured_baselines import Baselines, Measured
from runner.tasks.classification import TASK
from runner.tasks.classification.decisions import choose_threshold
from runner.tasks.classification.measuring import judge, measure_classification, score

Outputs = Mapping[str, np.ndarray]


class ClassMeasuring:
    """Targets that are classes."""

    task: TabularTask = "classification"
    definition = TASK
    #: Whether the headline is from 0 to 1 of each row.
    share = True

    def __init__(self, spec: Any, context: TrainContext) -> None:
        self._spec, self._seed = spec, context.seed
        train: TableSplit = context.data.train
        self.classes = train.classes
        self.thresholds: dict[str, float] = {}
        self._check_weights()
        self._check_threshold()
        if isinstance(spec.threshold, float):
            self.thresholds = {name: spec.threshold for name in self._of_two() if spec.threshold != 0.5}

    def _check_weights(self) -> None:
        weights = self._spec.class_weights
        if isinstance(weights, str):
            return
        known = {name for classes in self.classes.values() for name in classes}
        unknown = [name for name in weights if name not in known]
        if unknown:
            raise DataError(
                f"there is no class {', '.join(map(repr, unknown))} in training",
                where="/model/spec/class_weights",
                hint=f"there are: {', '.join(map(repr, sorted(known)[:20]))}",
            )

    def _check_threshold(self) -> None:
        threshold = self._spec.threshold
        if threshold == 0.5 or self._of_two():
            return
        counts = ", ".join(f"{name!r} has {len(classes)}" for name, classes in self.classes.items())
        raise DataError(
            f"a threshold of {threshold} decides between two classes: {counts}",
            where="/model/spec/threshold",
            hint="leave it out: a row is of its most probable class",
        )

    def _of_two(self) -> list[str]:
        return [name for name, classes in self.classes.items() if len(classes) == 2]

    def n_classes(self, target: str) -> int | None:
        """How many classes a target has."""
        return len(self.classes[target])

    def weights(self, target: str, codes: np.ndarray) -> np.ndarray | None:
        """float64 ``[n]`` of mean 1 where balanced; None where all rows count alike."""
        weights = self._spec.class_weights
        if weights == "none":
            return None
        if weights == "balanced":
            counts = np.bincount(codes, minlength=len(self.classes[target]))
            found: np.ndarray = len(codes) / ((counts > 0).sum() * counts[codes])
            return found
        table = np.array([weights.get(name, 1.0) for name in self.classes[target]], np.float64)
        return table[codes]

    @property
    def needs_folds(self) -> bool:
        """Whether a threshold is to be chosen by out-of-fold probabilities."""
        return self._spec.threshold == "f1" and bool(self._of_two())

    def choose(self, target: str, probabilities: np.ndarray, codes: np.ndarray) -> None:
        """Choose the threshold of a target of two classes by out-of-fold probabilities, where the spec says so."""
        if self._spec.threshold == "f1" and len(self.classes[target]) == 2:
            self.thresholds[target] = choose_threshold(probabilities, codes)

    def measure(
        self,
        outputs: Outputs,
        actual: Outputs,
        groups: np.ndarray | None = None,
        baselines: Baselines | None = None,
    ) -> tuple[dict[str, Any], list[Table]]:
        """Metrics and tables of probabilities for rows that were not learnt from."""
        return measure_classification(
            self.classes,
            outputs,
            actual,
            seed=self._seed,
            groups=groups,
            thresholds=self.thresholds,
            baselines=baselines,
        )

    def measured(self, outputs: Outputs, actual: Outputs, groups: np.ndarray | None) -> Measured:
        """The same without tables, and what is redrawn."""
        _, metrics, redrawn = score(judge(outputs, actual, self.thresholds), groups, self._seed)
        return metrics, redrawn

    def target_documents(self) -> dict[str, dict[str, Any]]:
        """What is stored of each target."""
        return {
            name: {"classes": list(classes)} | ({"threshold": self.thresholds[name]} if name in self.thresholds else {})
            for name, classes in self.classes.items()
        }

    def parameters(self) -> dict[str, float]:
        """The thresholds, as the manifest has them."""
        alone = len(self.classes) == 1
        return {"threshold" if alone else f"threshold/{name}": value for name, value in self.thresholds.items()}

    def strata(self, target: str, codes: np.ndarray) -> np.ndarray | None:
        """By what the parts of a split get their shares."""
        return codes
