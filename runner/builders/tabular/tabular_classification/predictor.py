"""A stored classifier of table rows."""

from __future__ import annotations

from runner.builders.tabular._fitting.stored_table import StoredTable
from runner.builders.tabular._fitting.table_predictor import TablePredictor


class Predictor(TablePredictor):
    """Probabilities of every class of every target."""

    def __init__(self, stored: StoredTable) -> None:
        super().__init__(stored)
        self.targets = {name: tuple(target["classes"]) for name, target in stored.targets.items()}
        self.thresholds = {
            name: float(target["threshold"]) for name, target in stored.targets.items() if "threshold" in target
        }
