"""What each column is worth: what is lost when its cells are shuffled among the held-out rows (Breiman, 2001)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from runner.contract import Table
from runner.data.table_rows.columns import Columns

#: Held-out rows that are shuffled at most.
ROWS = 5_000


def importance_table(
    columns: Columns,
    matrix: np.ndarray,
    worth: Callable[[np.ndarray, np.ndarray], float],
    repeats: int,
    seed: int,
    lost: str,
    told: Callable[[int, int], None],
) -> Table:
    """One row a column of the table, all that was made of it shuffled together: the loss with its 95 % interval.

    ``worth(matrix, rows)`` is the measure of changed inputs of these rows, greater is better; ``lost`` is its name. The
    interval is Student's over the ``repeats`` shufflings. ``told(done, total)`` follows it.
    """
    from scipy.stats import t as student

    generator = np.random.default_rng([seed, 17])
    rows = np.sort(generator.permutation(len(matrix))[:ROWS])
    whole = worth(matrix[rows], rows)
    sources = np.array(columns.sources)
    found: list[tuple[str, float, float, float]] = []
    for at, column in enumerate(columns.columns):
        losses = []
        for _ in range(repeats):
            changed = matrix[rows]
            own = np.flatnonzero(sources == at)
            changed[:, own] = changed[generator.permutation(len(rows))][:, own]
            losses.append(whole - worth(changed, rows))
        mean = float(np.mean(losses))
        half = 0.0
        if repeats > 1:
            half = float(student.ppf(0.975, repeats - 1) * np.std(losses, ddof=1) / np.sqrt(repeats))
        found.append((column.name, mean, mean - half, mean + half))
        told(at + 1, len(columns.columns))
    ordered: Sequence[tuple[str, float, float, float]] = sorted(found, key=lambda row: (-row[1], row[0]))
    note = f"How much {lost} the held-out rows lose when the column is shuffled among them, {repeats} times"
    if len(rows) < len(matrix):
        note += f", in {len(rows):,} of {len(matrix):,} rows"
    return Table(
        "importance",
        "What the columns are worth",
        ("column", "loss", "low", "high"),
        [list(row) for row in ordered],
        plot="bars",
        note=note + ". Columns that say the same share it.",
        decimals={"loss": 4, "low": 4, "high": 4},
    )
