"""A baseline without a network: which class's mean picture, of 8 times 8 pixels, is nearest."""

from __future__ import annotations

import numpy as np

from runner.data.images.picture_places import Pictures, side_by_side
from runner.data.images.picture_side import PictureSplit

#: Pixels a side, the most pictures of training that are looked at, and the held-out ones that are compared at a time.
SIDE, MOST, AT_ONCE = 8, 2000, 256
NAME = f"nearest mean picture, {SIDE}x{SIDE}"


def nearest_mean(train: PictureSplit, held: PictureSplit, seed: int) -> dict[str, np.ndarray]:
    """Probabilities of held-out pictures by target, float64 ``[n, classes]``: normal densities around each class's
    mean, of one variance for all pixels and classes, times the class's share."""
    (name, codes), *_ = train.targets.items()
    taken = np.arange(len(train))
    if len(taken) > MOST:
        taken = np.sort(np.random.default_rng([seed, 8]).choice(len(taken), MOST, replace=False))
    pixels, codes = _small(train.pictures.take(taken)), codes[taken]
    shares = np.bincount(codes, minlength=len(train.classes[name])) / len(codes)
    means = np.stack(
        [pixels[codes == at].mean(axis=0) if shares[at] else pixels.mean(axis=0) for at in range(len(shares))]
    )
    variance = max(float(((pixels - means[codes]) ** 2).mean()), 1e-6)
    odds = np.empty((len(held), len(shares)))
    for start in range(0, len(held), AT_ONCE):
        rows = np.arange(start, min(start + AT_ONCE, len(held)))
        # Pixels of a picture hang together: their mean distance is what counts, not the sum of as many independent
        # ones.
        distance = _mean_distance(_small(held.pictures.take(rows)), means)
        odds[rows] = np.log(np.maximum(shares, 1e-9)) - distance / (2 * variance)
    odds = np.exp(odds - odds.max(axis=1, keepdims=True))
    return {name: odds / odds.sum(axis=1, keepdims=True)}


def _mean_distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The mean of squared differences of each row of ``[n, d]`` and of ``[m, d]``: ``[n, m]``. As a product, so that no
    array has all three sides."""
    own, others = (np.mean(rows**2, axis=1) for rows in (one, other))
    found: np.ndarray = own[:, None] - 2 * (one @ other.T) / one.shape[1] + others[None]
    return found


def _small(pictures: Pictures) -> np.ndarray:
    """float64 ``[n, 8 * 8 * 3]``."""

    def pixels(at: int) -> np.ndarray:
        return np.asarray(pictures.decoded(at).resize((SIDE, SIDE)), np.float64).ravel() / 255

    return np.stack(list(side_by_side(pixels, range(len(pictures)))))
