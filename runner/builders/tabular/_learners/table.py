"""The rows that a learner is fitted to, checked once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runner.errors import DataError


@dataclass(frozen=True)
class TrainingTable:
    """Inputs float32 ``[n, f]``, targets (int64 codes or float64) ``[n]``, weights float64 ``[n]`` or None."""

    inputs: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None
    categorical: tuple[int, ...]
    validation: tuple[np.ndarray, np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def numeric(self) -> list[int]:
        """The columns that hold numbers."""
        return [column for column in range(self.inputs.shape[1]) if column not in set(self.categorical)]


def check_inputs(inputs: np.ndarray, columns: int | None = None) -> np.ndarray:
    """float32 ``[n, f]``, contiguous. Raises :class:`DataError` for numbers that no learner can use."""
    inputs = np.ascontiguousarray(inputs, np.float32)
    if inputs.ndim != 2:
        raise DataError(f"the inputs have {inputs.ndim} dimensions, not 2")
    if columns is not None and inputs.shape[1] != columns:
        raise DataError(f"the rows have {inputs.shape[1]} input columns; the model was trained on {columns}")
    infinite = np.isinf(inputs)
    if infinite.any():
        row, column = (int(place) for place in np.argwhere(infinite)[0])
        raise DataError(
            f"row {row + 1}, input column {column + 1}: a number is infinite, or greater than 3.4e38",
            hint="leave the cell empty if the number is not known",
        )
    return inputs


def check_table(
    inputs: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray | None,
    categorical: tuple[int, ...],
    validation: tuple[np.ndarray, np.ndarray] | None,
    n_classes: int | None,
) -> TrainingTable:
    """Raises :class:`DataError` where nothing can be learned, saying what to do."""
    inputs = check_inputs(inputs)
    if len(inputs) == 0:
        raise DataError("there are no training rows", hint="see which rows were dropped: runner data check")
    if inputs.shape[1] == 0:
        raise DataError("there are no input columns", hint="name at least one column beside the target")
    if any(not 0 <= column < inputs.shape[1] for column in categorical):
        raise DataError(f"categorical columns {list(categorical)} are not all among {inputs.shape[1]} columns")
    if n_classes == 1:
        raise DataError(
            "the target has one class only: there is nothing to learn",
            hint="check the target column, and which rows were dropped",
        )
    targets = check_targets(targets, len(inputs), n_classes)
    if weights is not None:
        weights = np.ascontiguousarray(weights, np.float64)
        if weights.shape != (len(inputs),):
            raise DataError(f"{weights.shape} weights for {len(inputs)} rows")
        if not np.isfinite(weights).all() or (weights < 0).any():
            raise DataError("weights have to be numbers that are not negative")
        if weights.sum() <= 0:
            raise DataError("all weights are 0: no row counts", hint="check the weight column")
    if validation is not None:
        held = check_inputs(validation[0], inputs.shape[1])
        validation = (held, check_targets(validation[1], len(held), n_classes)) if len(held) else None
    return TrainingTable(inputs, targets, weights, tuple(sorted(set(categorical))), validation)


def check_targets(targets: np.ndarray, rows: int, n_classes: int | None) -> np.ndarray:
    """int64 codes below ``n_classes``, or finite float64, ``[rows]``. Raises :class:`DataError`."""
    targets = np.asarray(targets)
    if targets.shape != (rows,):
        raise DataError(f"targets of shape {list(targets.shape)} for {rows} rows")
    if n_classes is None:
        targets = np.ascontiguousarray(targets, np.float64)
        if not np.isfinite(targets).all():
            row = int(np.flatnonzero(~np.isfinite(targets))[0])
            raise DataError(f"row {row + 1}: the target is no finite number", hint="leave out rows without a target")
        return targets
    targets = np.ascontiguousarray(targets, np.int64)
    if len(targets) and not 0 <= targets.min() <= targets.max() < n_classes:
        raise DataError(f"class codes {targets.min()} to {targets.max()} are not all among {n_classes} classes")
    return targets
