"""What the predicted numbers of one target are worth beside the true ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from runner.errors import RunFailed
from runner.statistics.paired_bootstrap import known
from runner.tasks._supervised.target_metrics import Metrics

#: A redrawn variance below this share of the mean square is a rounding error: the sample is of one value.
TINY = 1e-12


@dataclass(frozen=True)
class Judged:
    """One target's predicted and true numbers, float64 ``[n]`` each.

    Raises :class:`~runner.errors.RunFailed` where a prediction, or its distance to the truth, is no finite number.
    """

    target: str
    predicted: np.ndarray
    actual: np.ndarray

    def __post_init__(self) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            bad = np.flatnonzero(~np.isfinite(self.predicted - self.actual))
        if len(bad):
            raise RunFailed(
                f"the model's predictions of {self.target!r} are not finite numbers, or too far from the truth to "
                f"subtract, in {len(bad):,} of {len(self.actual):,} held-out rows, row {bad[0] + 1} the first",
                hint="training diverged: a smaller learning rate, or fewer extreme values in the data",
            )

    @cached_property
    def error(self) -> np.ndarray:
        """Predicted less true, float64 ``[n]``."""
        return self.predicted - self.actual

    @cached_property
    def error_exponent(self) -> int:
        """The power of two that errors are divided by, so that a square neither overflows nor vanishes."""
        return exponent(self.error)

    @cached_property
    def _deviation(self) -> tuple[np.ndarray, int]:
        """True numbers less their mean, over a power of two; all 0 where they are one number."""
        whole = exponent(self.actual)
        scaled = np.ldexp(self.actual, -whole)
        if not len(scaled) or scaled.min() == scaled.max():
            return np.zeros(len(scaled)), 0
        scaled = scaled - scaled.mean()
        part = exponent(scaled)
        return np.ldexp(scaled, -part), whole + part

    @cached_property
    def columns(self) -> np.ndarray:
        """What the bootstrap draws means of, float64 ``[n, 4]``: error squared and absolute, deviation and squared."""
        error = np.ldexp(self.error, -self.error_exponent)
        deviation, _ = self._deviation
        return np.column_stack([error**2, np.abs(error), deviation, deviation**2])

    def statistics(self, means: np.ndarray) -> np.ndarray:
        """R2, RMSE and MAE, float64 ``[..., 3]``, from means of :attr:`columns`, ``[..., 4]``; an R2 may be NaN."""
        squared, absolute, mean, square = np.moveaxis(means, -1, 0)
        variance = square - mean**2
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            ratio = np.ldexp(squared / variance, 2 * (self.error_exponent - self._deviation[1]))
            r2 = np.where(variance > TINY * square, 1 - ratio, np.nan)
            root, mae = (np.ldexp(value, self.error_exponent) for value in (np.sqrt(squared), absolute))
        return np.stack([r2, root, mae], axis=-1)


def correlations(judged: Judged) -> Metrics:
    """Pearson's and Spearman's; None where predictions or true numbers are all one, or there are fewer than two."""
    predicted, actual = (np.ldexp(values, -exponent(values)) for values in (judged.predicted, judged.actual))
    if len(actual) < 2 or np.ptp(predicted) == 0 or np.ptp(actual) == 0:
        return {"pearson": None, "spearman": None}
    import warnings

    from scipy.stats import pearsonr, spearmanr

    with warnings.catch_warnings():
        # Numbers that are all but one give a correlation of rounding errors, which scipy warns of.
        warnings.simplefilter("ignore")
        return {
            "pearson": known(pearsonr(predicted, actual).statistic),
            "spearman": known(spearmanr(predicted, actual).statistic),
        }


def exponent(values: np.ndarray) -> int:
    """The power of two above the largest magnitude; 0 where there is none."""
    largest = float(np.abs(values).max(initial=0.0))
    return int(np.frexp(largest)[1])
