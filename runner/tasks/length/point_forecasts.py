"""What a length is foretold as: the median of what it may be, its mean, or what has the least relative error.

A model gives a median kind of estimate ``p``. If the logarithm of a length ``Y`` is normal around ``log p`` with the
deviation ``s``, then ``E[Y]`` is ``p exp(s^2 / 2)``. The expected relative error ``E|Y - x| / Y`` is a mean absolute
error in which a length counts by ``1 / Y``; it is least in the median of the density ``f(y) / y``, which is log-normal
as well, around ``log p - s^2``: so it is ``p exp(-s^2)``. For any distribution it is the median of ``Y`` weighted by
``1 / Y``, the beta-median with beta = -1 (Gneiting, "Making and evaluating point forecasts", Journal of the American
Statistical Association 106, 2011).

The three are fitted as factors of ``p`` on held-out responses, without the normal distribution: one for each LLM, for
lengths of some vary far more than those of others, drawn towards the factor of all of them where it has few responses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from runner.tasks.length.length_rows import LengthRows, LengthScale
from runner.tasks.ranking.calibration import halves

#: As many responses as the factor of all LLMs counts for beside an LLM's own.
USUAL = 20
#: With fewer held-out responses than this a factor would be noise: the log-normal distribution's is taken.
ENOUGH = 100


def forecast(
    scale: LengthScale, medians: np.ndarray, held: LengthRows, keys: Sequence[str], predict: str
) -> tuple[LengthScale, np.ndarray]:
    """The scale to keep, and the held-out predictions to measure, float64 ``[n]``.

    ``medians`` are the model's own for the held-out rows, in tokens, and ``keys`` what the data's prompts are known by.
    Prompts are in two halves, and each is measured with the factors that fit the other, so that none is measured with
    factors that have seen it; those to keep are fitted on both. With fewer than ``ENOUGH`` responses the factor is that
    of a log-normal distribution with the deviation of the training's lengths, the same for all LLMs.
    """
    half = halves(held.prompt, keys)
    if len(held) < ENOUGH or np.bincount(half, minlength=2).min() < ENOUGH // 4:
        shift = {"median": 0.0, "mean": scale.deviation**2 / 2, "relative": -(scale.deviation**2)}[predict]
        kept = replace(scale, shift=np.zeros(0), usual_shift=shift)
        return kept, kept.shifted(medians, held.model)
    measured = np.empty(len(held))
    for side in (0, 1):
        here, there = half == side, half != side
        fitted = with_factors(scale, medians[there], held.tokens[there], held.model[there], predict)
        measured[here] = fitted.shifted(medians[here], held.model[here])
    return with_factors(scale, medians, held.tokens, held.model, predict), measured


def with_factors(
    scale: LengthScale, medians: np.ndarray, tokens: np.ndarray, model: np.ndarray, predict: str
) -> LengthScale:
    """The scale with the factors that fit these responses: medians and tokens float64 ``[n]``, LLMs int ``[n]``."""
    usual = np.log(factor(medians, tokens, predict))
    shift = np.full(len(scale.mean), usual)
    for number, count in enumerate(np.bincount(model, minlength=len(shift)).tolist()):
        if count:
            own = np.log(factor(medians[model == number], tokens[model == number], predict))
            shift[number] = (count * own + USUAL * usual) / (count + USUAL)
    return replace(scale, shift=shift, usual_shift=float(usual))


def factor(medians: np.ndarray, tokens: np.ndarray, predict: str) -> float:
    """What to multiply medians by, of one response or more, so that they are what ``predict`` says.

    ``median``: half of the responses are longer. ``mean``: the sums are equal. ``relative``: the mean of
    ``|tokens - predicted| / tokens`` is least.
    """
    ratio = tokens / medians
    if predict == "mean":
        return float(tokens.sum() / medians.sum())
    if predict == "median":
        return float(np.median(ratio))
    # A sum of |1 - c / ratio| is one of |ratio - c|, weighted by 1 / ratio.
    order = np.argsort(ratio, kind="stable")
    weight = np.cumsum(1 / ratio[order])
    return float(ratio[order][np.searchsorted(weight, weight[-1] / 2)])
