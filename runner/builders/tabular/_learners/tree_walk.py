"""The walk down a forest's trees, compiled by numba. Loaded only where there is much to do.

What is compiled is not kept on disk: numba's cache is pickles, and compiling takes about a second.
"""

from __future__ import annotations

import numpy as np
from numba import njit  # noqa: TID253


@njit(nogil=True)
def add_leaves(
    inputs: np.ndarray,
    sums: np.ndarray,
    tree_start: np.ndarray,
    children_left: np.ndarray,
    children_right: np.ndarray,
    feature: np.ndarray,
    threshold: np.ndarray,
    missing_go_to_left: np.ndarray,
    values: np.ndarray,
) -> None:
    """What ``TreeArrays`` does plainly, with the same sums in the same order: one tree after the other."""
    for tree in range(len(tree_start) - 1):
        for row in range(len(inputs)):
            node = tree_start[tree]
            while feature[node] >= 0:
                value = inputs[row, feature[node]]
                if np.isnan(value):
                    left = missing_go_to_left[node] > 0
                else:
                    left = value <= threshold[node]
                node = children_left[node] if left else children_right[node]
            leaf = children_left[node]
            for output in range(values.shape[1]):
                sums[row, output] += values[leaf, output]
