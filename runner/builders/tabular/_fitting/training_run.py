"""The training of both tabular kinds: baselines, folds, a learner for each target, what the columns are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from runner.builders.tabular._fields.learner_sections import Auto, parameters_of
from runner.builders.tabular._fitting.auto_learner import choose
from runner.builders.tabular._fitting.class_measuring import ClassMeasuring
from runner.builders.tabular._fitting.fits import Fits
from runner.builders.tabular._fitting.number_measuring import NumberMeasuring
from runner.builders.tabular._fitting.row_parts import folds, stopping_rows
from runner.builders.tabular._fitting.stored_table import StoredTable
from runner.builders.tabular._learners import Learner
from runner.builders.tabular._learners.importance import permutation_importance
from runner.builders.tabular._learners.imputation_and_scaling import Preparation
from runner.contract import Table, TrainContext, TrainResult
from runner.data.table_rows.table_side import TableSplit
from runner.errors import DataError
from runner.tasks._supervised.measured_baselines import Baselines

#: Folds of a search, or that choose a threshold, where the spec asks for no number of them.
FOLDS = 5
BASELINES = {"dummy": "the same answer for every row", "linear": "a linear model with its defaults"}
Settings = tuple[str, dict[str, Any], float]


def fit_table(spec: Any, context: TrainContext, measuring: ClassMeasuring | NumberMeasuring) -> TrainResult:
    """:func:`train` of both kinds. Raises :class:`~runner.errors.Stopped` after saving a checkpoint."""
    context.stop_here(0, {}, {})
    train, held = context.data.train, context.data.validation
    run = _Run(spec, context, measuring, train)
    tables: list[Table] = []
    held_matrix = run.preparation.apply(held.matrix)
    beside = run.baselines(held_matrix, held) if len(held) else None
    for target in train.targets:
        run.settle(target, tables)
    count = spec.folds or (FOLDS if measuring.needs_folds else 0)
    metrics: dict[str, Any] = {}
    if count:
        table, means = run.folds(count)
        if spec.folds:
            tables.append(table)
            metrics |= means
    learners = {target: run.fit_target(target, np.arange(len(train)), f"fitting {target}") for target in train.targets}
    outputs = {name: learner.predict(held_matrix) for name, learner in learners.items()}
    measured, own = measuring.measure(outputs, held.targets, held.groups, beside)
    tables = own + tables
    if len(held) and spec.importance_repeats:
        tables += run.importance(learners, held_matrix, held)
    stored = StoredTable(train.columns, run.preparation, measuring.target_documents(), learners, spec.unseen_categories)
    stored.save(context.artifact)
    counts: dict[str, Any] = {"n_train": len(train), "n_features": len(train.columns.features)}
    return TrainResult(
        metrics=measured | metrics | counts,
        tables={table.name: table.as_dict() for table in tables},
        parameters=measuring.parameters(),
    )


class _Run:
    """One training: its rows as learners get them, and the settings of each target's learner."""

    def __init__(
        self, spec: Any, context: TrainContext, measuring: ClassMeasuring | NumberMeasuring, train: TableSplit
    ) -> None:
        self._spec, self._context, self._measuring, self._train = spec, context, measuring, train
        categorical = train.columns.categorical
        self.preparation = Preparation.fit(train.matrix, categorical, spec.imputation, spec.scaling)
        self._matrix = self.preparation.apply(train.matrix)
        self._fits = Fits(context, measuring.task, categorical)
        self._settings: dict[str, Settings] = {}

    def baselines(self, held_matrix: np.ndarray, held: TableSplit) -> Baselines:
        """A dummy and a linear model on the same held-out rows."""
        measured = {}
        for name, what in BASELINES.items():
            outputs = {}
            for target, values in self._train.targets.items():
                n_classes = self._measuring.n_classes(target)
                learner = self._fits.fit(f"baseline: {name}", name, {}, n_classes, self._matrix, values)
                outputs[target] = learner.predict(held_matrix)
            measured[f"{name}: {what}"] = self._measuring.measured(outputs, held.targets, held.groups)
        return Baselines(self._measuring.definition, measured, self._measuring.share)

    def settle(self, target: str, tables: list[Table]) -> None:
        """Decide the learner of a target: the spec's, or the one that a search finds."""
        section = self._spec.learner
        if isinstance(section, Auto):
            pairs = self._pairs(max(2, self._spec.folds) if self._spec.folds else FOLDS)
            name, parameters, found = choose(
                section, self._context, self._measuring, self._train, self._matrix, target, pairs
            )
            # The search has chosen the length too: it is fitted to all rows, so long.
            self._settings[target] = (name, parameters, 0.0)
            tables += found
        else:
            stops = getattr(section, "early_stopping", None) is not None
            share = section.early_stopping_split if stops else 0.0
            self._settings[target] = (section.learner_type, parameters_of(section), share)

    def _pairs(self, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
        first = next(iter(self._train.targets))
        strata = self._measuring.strata(first, self._train.targets[first])
        pairs = folds(self._train, count, self._context.seed, strata)
        if len(pairs) < (self._spec.folds or 2):
            parts = (
                "cannot be divided" if len(pairs) < 2 else f"can be divided into {len(pairs)} parts, not into {count}"
            )
            raise DataError(
                f"the {len(self._train)} rows of training {parts}",
                where="/model/spec/folds",
                hint="equal rows, and rows of one group or moment, stay together; use fewer folds, or more data",
            )
        return pairs

    def fit_target(self, target: str, rows: np.ndarray, what: str) -> Learner:
        """The target's learner, fitted to some of the training rows."""
        name, parameters, share = self._settings[target]
        split = self._train.take(rows)
        values = split.targets[target]
        stopping = stopping_rows(split, share, self._context.seed, self._measuring.strata(target, values))
        matrix = self._matrix[rows]
        return self._fits.fit(
            what,
            name,
            parameters,
            self._measuring.n_classes(target),
            matrix[~stopping],
            values[~stopping],
            self._measuring.weights(target, values[~stopping]),
            (matrix[stopping], values[stopping]) if stopping.any() else None,
        )

    def folds(self, count: int) -> tuple[Table, dict[str, Any]]:
        """Scores on the part that each fold left out, by fold, and their means as metrics ``cv_...``."""
        measures = [measure.metric for measure in self._measuring.definition.measures]
        outputs: dict[str, np.ndarray] = {}
        rows: list[list[Any]] = []
        pairs = self._pairs(count)
        left_out = np.sort(np.concatenate([left for _, left in pairs]))
        for number, (learnt, left) in enumerate(pairs, 1):
            own: dict[str, np.ndarray] = {}
            for target in self._train.targets:
                learner = self.fit_target(target, learnt, f"fold {number} of {len(pairs)}: {target}")
                own[target] = learner.predict(self._matrix[left])
                shape = (len(self._train), *own[target].shape[1:])
                outputs.setdefault(target, np.zeros(shape))[left] = own[target]
            split = self._train.take(left)
            metrics, _ = self._measuring.measure(own, split.targets)
            rows.append([f"fold {number}", *(metrics.get(measure) for measure in measures), len(left)])
        for target, values in self._train.targets.items():
            self._measuring.choose(target, outputs[target][left_out], values[left_out])
        whole = self._train.take(left_out)
        metrics, _ = self._measuring.measure(
            {target: said[left_out] for target, said in outputs.items()}, whole.targets, whole.groups
        )
        rows.append(["all rows left out once", *(metrics.get(measure) for measure in measures), len(left_out)])
        headline = self._measuring.definition.headline
        means = {f"cv_{name}": metrics.get(name) for name in (headline.metric, headline.low, headline.high)}
        return Table("folds", "Folds of the training rows", ["fold", *measures, "rows"], rows), means

    def importance(self, learners: Mapping[str, Learner], matrix: np.ndarray, held: TableSplit) -> list[Table]:
        """What each column is worth to the held-out rows, all that was made of it together; a table a target."""
        sources = np.array(self._train.columns.sources)
        features = {
            column.name: np.flatnonzero(sources == at).tolist() for at, column in enumerate(self._train.columns.columns)
        }
        tables = []
        for target, learner in learners.items():
            self._tell_importance(target, 0)
            # A class that training never saw has no probability that a column could raise.
            known = held.targets[target] >= 0 if held.classes[target] else np.ones(len(held), bool)
            if not known.any():
                self._tell_importance(target, 1)
                continue
            table = permutation_importance(
                learner.predict,
                matrix[known],
                held.targets[target][known],
                features,
                repeats=self._spec.importance_repeats,
                seed=self._context.seed,
                groups=None if held.groups is None else held.groups[known],
                stop=self._context.stop_requested,
            )
            self._context.stop_here(0, {}, {})
            self._tell_importance(target, 1)
            alone = len(learners) == 1
            tables.append(
                table if alone else replace(table, name=f"{table.name}/{target}", title=f"{table.title} of {target}")
            )
        return tables

    def _tell_importance(self, target: str, done: int) -> None:
        phase = f"importance: {target}"
        self._context.emit("progress", phase=phase, unit="targets", done=done, total=1, metrics={})
