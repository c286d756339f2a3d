"""Pairs of LLMs as hypothesis draws them, and their two sides as arrays."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

#: Rows of two different LLMs among seven.
pairs = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda pair: pair[0] != pair[1]), max_size=40)


def sides(rows: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    table = np.array(rows, np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]
