"""What the models of a task are measured by, and how that reads: ranking by accuracy, length by tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runner.pages.numbers import finite, number


@dataclass(frozen=True)
class Measure:
    """The words and columns that a final table, a listing and a report page show for one task."""

    #: The metric that decides which of two models is better: the greater, the better.
    metric: str
    #: It in words, for a card or a curve, and short, for a column.
    name: str
    column: str
    #: Two more metrics with their column headings and decimals.
    second: tuple[str, str, int]
    third: tuple[str, str, int]
    #: What the held-out things are that it is measured on.
    held_out: str
    #: What the best of the ``baselines`` table is.
    rival: str

    @property
    def low(self) -> str:
        """The metric that is the lower end of its 95 % interval."""
        return f"{self.metric}_low"

    @property
    def high(self) -> str:
        """The upper end."""
        return f"{self.metric}_high"

    @property
    def headings(self) -> tuple[str, str, str, str]:
        """What stands above :meth:`figures`."""
        return self.column, "95 % interval", self.second[1], self.third[1]

    def figures(self, row: Mapping[str, Any]) -> tuple[str, str, str, str]:
        """The metric, its interval (``[0.851, 0.896]``, empty where unknown) and the two others, of one model."""
        low, high = row.get(self.low), row.get(self.high)
        known = finite(low) is not None and finite(high) is not None
        interval = f"[{number(low, 3)}, {number(high, 3)}]" if known else ""
        (second, _, decimals), (third, _, places) = self.second, self.third
        value = number(row.get(self.metric), 3)
        return value, interval, number(row.get(second), decimals), number(row.get(third), places)


RANKING = Measure(
    metric="accuracy",
    name="Pairwise accuracy",
    column="accuracy",
    second=("log_loss", "log loss", 3),
    third=("calibration_error", "calibration", 3),
    held_out="comparisons",
    rival="the best prompt-agnostic model",
)
LENGTH = Measure(
    metric="relative_accuracy",
    name="Relative accuracy",
    column="rel. accuracy",
    second=("mae_tokens", "MAE in tokens", 2),
    third=("log_r2", "log R2", 3),
    held_out="responses",
    rival="the best that does not read the prompt",
)


def measure_of(metrics: Mapping[str, Any], tables: Mapping[str, Any]) -> Measure:
    """The measure that a run's metrics or tables are of; that of rankings where they do not say."""
    return LENGTH if LENGTH.metric in metrics or "lengths" in tables else RANKING
