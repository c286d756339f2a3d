"""The interval of a share that was seen in some trials."""

from __future__ import annotations

import numpy as np


def wilson(share: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The 95 % interval of a share seen in ``count`` trials (E. B. Wilson, JASA 22, 1927). Both float [n]."""
    z = 1.959963984540054
    n = np.maximum(count, 1)
    share = np.clip(share, 0, 1)
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # Of a share of 0 or 1 one end is the share itself, which sums of floats may miss by a digit.
    return np.clip(middle - half, 0, share), np.clip(middle + half, share, 1)
