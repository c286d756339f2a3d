"""A baseline without a network: which class's mean picture, of 8 times 8 pixels, is nearest."""

from __future__ import annotations

import numpy as np

from runner.data.images.picture_places import Pictures, side_by_side
from runner.data.images.picture_side import PictureSplit

#: Pixels a side, and the most pictures of training that are looked at.
SIDE, MOST = 8, 2000
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
    asked = _small(held.pictures)
    # Pixels of a picture hang together: their mean distance is what counts, not the sum of as many independent ones.
    distance = ((asked[:, None, :] - means[None]) ** 2).mean(axis=2)
    odds = np.log(np.maximum(shares, 1e-9)) - distance / (2 * variance)
    odds = np.exp(odds - odds.max(axis=1, keepdims=True))
    return {name: odds / odds.sum(axis=1, keepdims=True)}


def _small(pictures: Pictures) -> np.ndarray:
    """float64 ``[n, 8 * 8 * 3]``."""

    def pixels(at: int) -> np.ndarray:
        return np.asarray(pictures.decoded(at).resize((SIDE, SIDE)), np.float64).ravel() / 255

    return np.stack(list(side_by_side(pixels, range(len(pictures)))))
