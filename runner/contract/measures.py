"""Figures that models are judged by, and tables that a terminal, a page and Markdown render alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Measure:
    """One figure that a task's models are judged by, and how it reads."""

    #: Its name in the metrics.
    metric: str
    #: It in words, for a card or a curve, and short, for a column of a table.
    label: str
    column: str
    #: None: four significant figures, for a measure in the target's own unit.
    decimals: int | None = 3
    better: Literal["higher", "lower"] = "higher"
    #: Whether the metrics ``<metric>_low`` and ``<metric>_high`` are its 95 % interval.
    interval: bool = False

    @property
    def low(self) -> str:
        """The metric that is the lower end of its interval."""
        return f"{self.metric}_low"

    @property
    def high(self) -> str:
        """The upper end."""
        return f"{self.metric}_high"

    def as_dict(self) -> dict[str, Any]:
        """What a listing shows of it, as a run's plan holds it."""
        return {"metric": self.metric, "column": self.column, "better": self.better}

    def key(self, value: float) -> float:
        """A number to sort by: the greater, the better."""
        return value if self.better == "higher" else -value


#: How a table is drawn on a page, beside its rows: points over ``x``, bars of one number a row, a matrix of cells,
#: the curve of a calibration, predicted over true values, a histogram, named points on a plane.
Plot = Literal["line", "bars", "matrix", "calibration", "scatter", "histogram", "map"]


@dataclass(frozen=True)
class Table:
    """What a terminal, a page and Markdown render alike. Cells are text, numbers, booleans or None.

    ``plot`` draws it on a page: ``line`` takes the first column as x and the others as lines, ``bars`` the first as
    names and the second as lengths (a third and fourth are the interval), ``matrix`` the first as row names,
    ``calibration`` columns ``predicted``, ``observed``, ``count``, ``scatter`` the first two as x and y, ``histogram``
    the first as left edges, the second as counts, ``map`` the first as names, the second and third as coordinates.
    """

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    plot: Plot | None = None
    #: A sentence below the title.
    note: str = ""
    #: Decimals by column; a column without keeps the number's own four figures.
    decimals: Mapping[str, int | None] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The table as ``tables.json`` and the manifest hold it."""
        return asdict(self) | {"columns": list(self.columns), "rows": [list(row) for row in self.rows]}

    @classmethod
    def read(cls, document: Any) -> Table | None:
        """A recorded table, or None for what is none: older tables are lists of objects that their task reads."""
        if not isinstance(document, dict) or not {"name", "title", "columns", "rows"} <= document.keys():
            return None
        known = {name: document[name] for name in cls.__dataclass_fields__ if name in document}
        return cls(**known)
