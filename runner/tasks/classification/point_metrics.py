"""What the probabilities of one target are worth beside the true classes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from runner.errors import RunFailed
from runner.statistics.paired_bootstrap import known
from runner.tasks._supervised.target_metrics import Metrics
from runner.tasks.classification.decisions import decide

BINS = 10
NAMES = ("accuracy", "balanced_accuracy", "f1_macro", "f1_weighted", "log_loss", "auc", "calibration_error")
#: The true class of a row that no training row had.
UNSEEN = -1


@dataclass(frozen=True)
class Judged:
    """One target's probabilities, float64 ``[n, classes]``, and true classes, int64 ``[n]``.

    Raises :class:`~runner.errors.RunFailed` where a probability is not a finite number.
    """

    target: str
    probabilities: np.ndarray
    actual: np.ndarray
    threshold: float | None = None

    def __post_init__(self) -> None:
        bad = np.flatnonzero(~np.isfinite(self.probabilities).all(axis=1))
        if len(bad):
            raise RunFailed(
                f"the model's probabilities of {self.target!r} are not finite numbers in {len(bad):,} of "
                f"{len(self.actual):,} held-out rows, row {bad[0] + 1} the first",
                hint="training diverged: a smaller learning rate, or fewer extreme values in the data",
            )

    @cached_property
    def predicted(self) -> np.ndarray:
        """The decided class of every row, int64 ``[n]``."""
        return decide(self.probabilities, self.threshold)

    @cached_property
    def right(self) -> np.ndarray:
        """Whether it is the true one, bool ``[n]``; an unseen class never is."""
        return self.predicted == self.actual

    @cached_property
    def losses(self) -> np.ndarray:
        """Minus the logarithm of the true class's probability, float64 ``[n]``; that of an unseen class is 0.

        A probability of 0 counts as the smallest step of a float above 1, as in scikit-learn.
        """
        rows = np.arange(len(self.actual))
        own = np.where(self.actual == UNSEEN, 0.0, self.probabilities[rows, self.actual])
        return -np.log(np.clip(own, np.finfo(np.float64).eps, 1.0))


def point_metrics(judged: Judged) -> Metrics:
    """The task's measures for one target; all None without a row.

    Rows of an unseen class are wrong: they count as a class of their own that is never found, with a probability of 0.
    Balanced accuracy is over the classes of the held-out rows, F1 over those and the predicted ones, as in
    scikit-learn. The AUC, of the rows of known classes, is one class against the rest, weighted by the classes' sizes.
    """
    if not len(judged.actual):
        return dict.fromkeys(NAMES)
    from sklearn.metrics import precision_recall_fscore_support

    _, recall, f1, sizes = precision_recall_fscore_support(judged.actual, judged.predicted, zero_division=0)
    return {
        "accuracy": float(judged.right.mean()),
        "balanced_accuracy": float(recall[sizes > 0].mean()),
        "f1_macro": float(f1.mean()),
        "f1_weighted": float(np.average(f1, weights=sizes)),
        "log_loss": known(judged.losses.mean()),
        "auc": area_under_curve(judged.probabilities, judged.actual),
        "calibration_error": calibration_error(calibration_bins(judged)),
    }


def area_under_curve(probabilities: np.ndarray, actual: np.ndarray) -> float | None:
    """The area under the ROC curve; None where the held-out rows have fewer than two of the known classes.

    It is the share of the pairs of a row of the class and one of another in which the first has the greater
    probability (Mann and Whitney, 1947), by ranks: with scikit-learn's function an epoch's classes took longer to
    measure than a small model takes to learn it.
    """
    from scipy.stats import rankdata

    seen = actual != UNSEEN
    probabilities, actual = probabilities[seen], actual[seen]
    classes, sizes = np.unique(actual, return_counts=True)
    if len(classes) < 2:
        return None
    if probabilities.shape[1] == 2:
        classes, sizes = classes[1:], sizes[1:]
    # One class at a time, for memory.
    sums = np.array([rankdata(probabilities[:, number])[actual == number].sum() for number in classes])
    pairs = sizes * (len(actual) - sizes)
    return float(np.average((sums - sizes * (sizes + 1) / 2) / pairs, weights=sizes))


def calibration_bins(judged: Judged) -> list[list[float | int]]:
    """Ten equal bins of the probability: its mean, the share that came true and the count of each (Guo et al., 2017).

    Of two classes it is the second's probability, of more that of the most probable one. Empty bins are left out.
    """
    probabilities = judged.probabilities
    if probabilities.shape[1] == 2:
        said, true = probabilities[:, 1], judged.actual == 1
    else:
        said, true = probabilities.max(axis=1), probabilities.argmax(axis=1) == judged.actual
    bins = np.clip((said * BINS).astype(np.int64), 0, BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    sums, came = np.bincount(bins, weights=said, minlength=BINS), np.bincount(bins, weights=true, minlength=BINS)
    return [[float(sums[b] / count[b]), float(came[b] / count[b]), int(count[b])] for b in np.flatnonzero(count)]


def calibration_error(bins: list[list[float | int]]) -> float:
    """The mean distance of what was said and what came true, weighted by the bins' counts."""
    total = sum(count for _, _, count in bins)
    return float(sum(count * abs(said - came) for said, came, count in bins) / total)
