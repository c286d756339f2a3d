"""What a model has to beat, measured on the rows that it is measured on: a table of it, and who is better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner.contract import Measure, Table, Task
from runner.statistics.paired_bootstrap import Resampled
from runner.tasks import against_baselines
from runner.tasks._supervised.target_metrics import Metrics

#: The metrics of a baseline, and its headline redrawn, in the first column; None where that is undefined.
Measured = tuple[Metrics, Resampled | None]


@dataclass(frozen=True)
class Baselines:
    """The baselines of one task, by name."""

    task: Task
    measured: Mapping[str, Measured]
    #: Whether the task's headline is from 0 to 1 of each row, or group of rows.
    share: bool

    def table(self, measures: Sequence[Measure] | None = None) -> Table:
        """One row a baseline: the measures and the ends of their intervals, under their names as metrics.

        Errors in a target's own unit keep their own figures.
        """
        names: list[str] = []
        decimals: dict[str, int | None] = {}
        for measure in self.task.measures if measures is None else measures:
            ends = [measure.low, measure.high] if measure.interval else []
            names += [measure.metric, *ends]
            if measure.metric not in ("rmse", "mae"):
                decimals |= dict.fromkeys([measure.metric, *ends], measure.decimals)
        cells = [[name, *(metrics.get(metric) for metric in names)] for name, (metrics, _) in self.measured.items()]
        note = "Measured on the same held-out rows."
        return Table("baselines", "Baselines", ["model", *names], cells, note=note, decimals=decimals)

    def tables(self, own: Resampled | None, measures: Sequence[Measure] | None = None) -> list[Table]:
        """The table, and whether a model, whose redrawn headline is ``own``, beats the best of them, if it is known."""
        # What stands behind a colon says more of a baseline than a sentence has room for.
        rivals = {name.partition(":")[0]: redrawn for name, (_, redrawn) in self.measured.items()}
        return [self.table(measures), *against_baselines.against_best(self.task, own, rivals, share=self.share)]
