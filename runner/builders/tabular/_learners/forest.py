"""Random forests and extremely randomised trees (scikit-learn), stored as arrays and answered without it.

Sources: Breiman (2001); Geurts, Ernst and Wehenkel (2006).
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from runner.builders.tabular._learners.course import Course
from runner.builders.tabular._learners.learner import Learner
from runner.builders.tabular._learners.one_hot import OneHot
from runner.builders.tabular._learners.parameters import ForestClassifierParameters, ForestRegressorParameters
from runner.builders.tabular._learners.table import TrainingTable
from runner.builders.tabular._learners.tree_arrays import TreeArrays
from runner.errors import DataError
from runner.store.tensors import read_tensors, write_tensors

ARRAYS = "forest.safetensors"
#: Trees that are grown between two looks at whether to stop, for each thread.
BLOCK = 16


class Forest(Learner):
    """The trees that scikit-learn grows from the same seed, in blocks: what a tree draws follows from its number."""

    parameters: ForestClassifierParameters | ForestRegressorParameters
    trees: TreeArrays
    _one_hot: OneHot

    def _fit(self, table: TrainingTable, course: Course) -> None:
        if self.parameters.criterion == "poisson" and table.targets.min() < 0:
            raise DataError(
                "criterion poisson needs targets that are not negative", hint="take criterion squared_error"
            )
        self._one_hot = OneHot.of(table.inputs, table.categorical, self.parameters.one_hot_max, skip_wider=True)
        inputs = self._columns(table.inputs)
        blocks: list[TreeArrays] = []
        done, total = 0, self.parameters.n_estimators
        if course.resume is not None and course.resume.state["done"]:
            blocks = [TreeArrays.read(course.resume.tensors, inputs.shape[1], self.n_classes or 1)]
            done = len(blocks[0])

        def snapshot() -> tuple[dict[str, np.ndarray], dict[str, Any]]:
            return (TreeArrays.joined(blocks).tensors() if blocks else {}), {}

        while done < total:
            course.stop_here(done, snapshot)
            until = min(total, done + BLOCK * self.threads)
            blocks.append(self._grow(inputs, table, done, until))
            done = until
            course.on_progress(done, total, "trees", {})
            course.save_sometimes(done, snapshot, last=done == total)
        self.trees = TreeArrays.joined(blocks)

    def _grow(self, inputs: np.ndarray, table: TrainingTable, first: int, until: int) -> TreeArrays:
        """Trees ``first`` to ``until`` of the forest."""
        model = self.unfitted(until)
        # The library draws a seed for every tree in turn, and with a warm start passes over those of trees it has.
        model.estimators_ = [None] * first
        with warnings.catch_warnings():
            # Many classes are as they were declared, and no sign of a regression.
            warnings.filterwarnings("ignore", message="The number of unique classes")
            model.fit(inputs, table.targets, sample_weight=table.weights)
        classes = None if self.n_classes is None else np.asarray(model.classes_)
        return TreeArrays.of(model.estimators_[first:], classes, self.n_classes or 1)

    def unfitted(self, n_estimators: int) -> Any:
        """scikit-learn's own forest of so many trees, with the same parameters and seed."""
        from sklearn import ensemble

        family = "RandomForest" if self.name == "random_forest" else "ExtraTrees"
        cls = getattr(ensemble, family + ("Regressor" if self.n_classes is None else "Classifier"))
        chosen = self.parameters.model_dump(exclude={"one_hot_max"}) | {"n_estimators": n_estimators}
        if chosen["max_features"] is None:
            chosen["max_features"] = 1.0 if self.n_classes is None else "sqrt"
        if chosen["bootstrap"] is None:
            chosen["bootstrap"] = self.name == "random_forest"
        return cls(**chosen, random_state=self.seed, n_jobs=self.threads, warm_start=True)

    def _columns(self, inputs: np.ndarray) -> np.ndarray:
        """float32 ``[n, columns]``: the columns that are left as they are, then those of single categories."""
        if not len(self._one_hot):
            return inputs
        return np.concatenate(
            [np.delete(inputs, np.unique(self._one_hot.column), axis=1), self._one_hot.dense(inputs)], axis=1
        )

    def _predict(self, inputs: np.ndarray) -> np.ndarray:
        means = self.trees.mean(self._columns(inputs), self.threads)
        return means[:, 0] if self.n_classes is None else means

    def _save(self, folder: Path) -> None:
        one_hot = {"one_hot/column": self._one_hot.column, "one_hot/code": self._one_hot.code}
        write_tensors(folder / ARRAYS, self.trees.tensors() | one_hot)

    def _load(self, folder: Path) -> None:
        arrays = read_tensors(folder / ARRAYS)
        self._one_hot = OneHot(arrays["one_hot/column"], arrays["one_hot/code"])
        whole = np.unique(self._one_hot.column)
        if len(whole) and not 0 <= whole.min() <= whole.max() < self.n_features:
            raise ValueError(f"columns that are not among {self.n_features}")
        columns = self.n_features - len(whole) + len(self._one_hot)
        self.trees = TreeArrays.read(arrays, columns, self.n_classes or 1)
