"""Stored weights for a network whose tables have more rows now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch


def continued(fresh: Mapping[str, Any], stored: Mapping[str, np.ndarray], rows: Mapping[str, Any]) -> dict[str, Any]:
    """Weights to go on from: the stored ones, but ``rows`` of a table that has grown.

    ``rows`` maps a table's name to ``(new row numbers, stored row numbers)``: those rows are taken over, the others of
    the fresh table stay. Raises ``KeyError`` where the stored weights are another network's.
    """
    weights = {name: torch.from_numpy(np.array(stored[name])) for name in fresh}
    for name, (new, old) in rows.items():
        table = fresh[name].detach().cpu().clone()
        table[torch.as_tensor(new)] = weights[name][torch.as_tensor(old)]
        weights[name] = table
    return weights
