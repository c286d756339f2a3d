"""Real tables that scikit-learn brings along, some with categories and missing values, split in two halves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from sklearn import datasets


@dataclass(frozen=True)
class HalvedTable:
    task: str
    n_classes: int | None
    categorical: tuple[int, ...]
    train: tuple[np.ndarray, np.ndarray]
    held: tuple[np.ndarray, np.ndarray]


@cache
def table(name: str) -> HalvedTable:
    """``binary`` is breast cancer, ``classes`` wine, ``numbers`` diabetes; ``mixed`` is wine with a column of 20 codes
    (its proline in steps), one of 3, and every fifth magnesium missing."""
    load = {"binary": "breast_cancer", "classes": "wine", "mixed": "wine", "numbers": "diabetes"}[name]
    inputs, targets = getattr(datasets, f"load_{load}")(return_X_y=True)
    inputs = inputs.astype(np.float32)
    categorical: tuple[int, ...] = ()
    if name == "mixed":
        steps = np.quantile(inputs[:, 12], np.linspace(0, 1, 21)[1:-1])
        inputs[:, 12] = np.searchsorted(steps, inputs[:, 12])
        inputs[:, 0] = np.searchsorted([12.5, 13.3], inputs[:, 0])
        inputs[::5, 4] = np.nan
        categorical = (0, 12)
    order = np.random.default_rng(5).permutation(len(inputs))
    first, second = order[::2], order[1::2]
    classes = None if name == "numbers" else int(targets.max()) + 1
    task = "regression" if classes is None else "classification"
    return HalvedTable(task, classes, categorical, (inputs[first], targets[first]), (inputs[second], targets[second]))


def quick(name: str) -> dict:
    """Parameters with which a learner is fitted in a moment."""
    return {
        "xgboost": {"n_estimators": 12, "early_stopping": {"patience": 4}},
        "random_forest": {"n_estimators": 20},
        "extra_trees": {"n_estimators": 20},
        "mlp": {"hidden_dims": [16], "epochs": 6, "batch_size": 16, "early_stopping": {"patience": 4}},
    }.get(name, {})
