"""The measure of every router, as the kinds call it (:mod:`runner.tasks.ranking.measuring` has the maths)."""

from runner.tasks.ranking.measuring import (
    BINS,
    DRAWS,
    accuracy_interval,
    calibrate,
    calibration_table,
    evaluate,
    fit_temperature,
    pairwise_accuracy,
    probability,
    winner_margins,
)

__all__ = [
    "BINS",
    "DRAWS",
    "accuracy_interval",
    "calibrate",
    "calibration_table",
    "evaluate",
    "fit_temperature",
    "pairwise_accuracy",
    "probability",
    "winner_margins",
]
