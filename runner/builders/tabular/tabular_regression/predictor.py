"""A stored regressor of table rows."""

from __future__ import annotations

from runner.builders.tabular._fitting.stored_table import StoredTable
from runner.builders.tabular._fitting.table_predictor import TablePredictor


class Predictor(TablePredictor):
    """A number for every target."""

    def __init__(self, stored: StoredTable) -> None:
        super().__init__(stored)
        self.targets = tuple(stored.targets)
