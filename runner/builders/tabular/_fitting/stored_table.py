"""The stored model of a table: its columns, its preparation, and a learner for each target."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from runner.builders.tabular._learners import Learner, load_learner
from runner.builders.tabular._learners.imputation_and_scaling import Preparation
from runner.data.column_names import need
from runner.data.table_rows.cells import of_rows
from runner.data.table_rows.column_encoding import Columns, Unfamiliar
from runner.data.table_rows.table_side import TableSplit
from runner.errors import DataError, IntegrityError
from runner.store.files import read_json, write_json
from runner.training.threads import wanted_threads

COLUMNS, TARGETS = "columns.json", "targets.json"
#: What may be done about a cell of a row that is asked about.
CELLS = "a cell is one value, of the kind that its column had in training; an empty one is a missing value"


def threads() -> int:
    """Threads of the arithmetic, by the environment."""
    return wanted_threads() or os.cpu_count() or 1


class StoredTable:
    """Rows as cells in, numbers by target out."""

    def __init__(
        self,
        columns: Columns,
        preparation: Preparation,
        targets: Mapping[str, dict[str, Any]],
        learners: Mapping[str, Learner],
        unseen: str,
    ) -> None:
        self.columns, self.preparation, self.targets, self.learners = columns, preparation, targets, learners
        self._unseen = unseen
        self._categories: dict[str, dict[str, int]] = {}
        self._infinite: dict[str, int] = {}
        self._extra: dict[str, None] = {}

    def save(self, folder: Path) -> None:
        """Write everything but what the manifest has."""
        write_json(folder / COLUMNS, self.columns.as_dict() | {"preparation": self.preparation.as_dict()})
        write_json(folder / TARGETS, {"targets": self.targets, "unseen_categories": self._unseen})
        for number, learner in enumerate(self.learners.values()):
            learner.save(folder / f"learner_{number}")

    @classmethod
    def load(cls, folder: Path, device: str) -> StoredTable:
        """Raises :class:`IntegrityError` for what :meth:`save` did not write."""
        try:
            columns, targets = read_json(folder / COLUMNS), read_json(folder / TARGETS)
            learners = {
                name: load_learner(folder / f"learner_{number}", device, threads())
                for number, name in enumerate(targets["targets"])
            }
            preparation = Preparation.read_dict(columns["preparation"])
            known = Columns.read_dict(columns)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IntegrityError(f"the stored model cannot be read: {error!r}", where=str(folder)) from error
        return cls(known, preparation, targets["targets"], learners, targets["unseen_categories"])

    def predict(self, rows: Sequence[Any]) -> dict[str, np.ndarray]:
        """What each target's learner says of the rows. Raises :class:`DataError` for a row that does not fit."""
        matrix = self.preparation.apply(self._matrix(rows))
        return {name: learner.predict(matrix) for name, learner in self.learners.items()}

    def predict_part(self, part: TableSplit) -> dict[str, np.ndarray]:
        """What each target's learner says of one side of a loaded table.

        Raises :class:`DataError` where its columns are encoded otherwise than those that the model was trained with.
        """
        if part.columns.as_dict() != self.columns.as_dict():
            raise DataError("the table's columns are not those that the model was trained with", hint="train it again")
        matrix = self.preparation.apply(part.matrix)
        return {name: learner.predict(matrix) for name, learner in self.learners.items()}

    def _matrix(self, rows: Sequence[Any]) -> np.ndarray:
        names = [column.name for column in self.columns.columns]
        given = None
        for row in rows:
            # Rows of one file have the same columns, most often.
            if row.values.keys() != given:
                given = row.values.keys()
                need(list(given), names, row.where, "the model was trained with")
                used = {*names, *self.targets, *(["id"] if row.id is not None else [])}
                self._extra |= dict.fromkeys(name for name in given if name not in used)
        if not rows:
            return np.zeros((0, len(self.columns.features)), np.float32)
        try:
            cells = of_rows(
                rows[0].where.rpartition(":")[0] or "the rows", [row.values for row in rows], names, untyped=False
            )
            cells.numbers = np.array([row.line for row in rows])
            matrix, odd = self.columns.encode(cells)
        except DataError as error:
            # Told as of training data: who asks has no spec to say in what a column is.
            error.hint = CELLS
            nested = next((row for row in rows if any(isinstance(row.values.get(n), list | dict) for n in names)), None)
            if nested is not None:
                error.where = nested.where
            raise
        for name, words in odd.categories.items():
            counts = self._categories.setdefault(name, {})
            for word, count in words.items():
                counts[word] = counts.get(word, 0) + count
        for name, count in odd.infinite.items():
            self._infinite[name] = self._infinite.get(name, 0) + count
        if odd.categories and self._unseen == "error":
            name, words = next(iter(odd.categories.items()))
            shown = ", ".join(f"{word!r} ({count})" for word, count in list(words.items())[:5])
            raise DataError(
                f"column {name!r} has categories that training did not have: {shown}",
                where=f"the rows from {rows[0].line} on",
                hint="this model was trained to refuse them (unseen_categories): mend the cells, or leave the rows out",
            )
        return matrix

    def _unfamiliar(self) -> Any:
        return Unfamiliar(self._categories, tuple(self._extra), self._infinite)

    def provenance(self) -> dict[str, Any]:
        """Counts of what the rows so far had that training did not."""
        return {
            "unseen_categories": self._categories,
            "unused_columns": list(self._extra),
            "infinite_numbers": self._infinite,
        }

    def closing(self) -> list[str]:
        """The same in sentences."""
        said: list[str] = self._unfamiliar().sentences()
        return said
