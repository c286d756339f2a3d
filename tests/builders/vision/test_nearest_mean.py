"""The baseline of pictures without a network."""

import numpy as np
from PIL import Image

from runner.builders.vision._fitting import nearest_mean
from runner.data.images.picture_places import Pictures
from runner.data.images.picture_side import PictureSplit


def test_the_nearest_mean_is_that_of_all_pictures_at_once_however_many_are_held(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    data = np.stack([rng.integers(0, 256, (8, 8, 3)) for _ in range(12)]).astype(np.uint8)
    for at, pixels in enumerate(data):
        Image.fromarray(pixels).save(tmp_path / f"{at}.png")
    zeros = np.zeros(12, np.int64)
    pictures = Pictures(
        tuple(tmp_path / f"{at}.png" for at in range(12)), np.arange(12), zeros, zeros - 1, tuple(map(str, range(12)))
    )
    codes = np.arange(12) % 3
    split = PictureSplit(pictures, {"label": codes}, {"label": ("a", "b", "c")}, np.arange(12, dtype=np.uint64))
    train, held = split.take(np.arange(7)), split.take(np.arange(7, 12))
    monkeypatch.setattr(nearest_mean, "AT_ONCE", 2)
    found = nearest_mean.nearest_mean(train, held, 0)["label"]

    pixels = data.reshape(12, -1) / 255
    learned, own = pixels[:7], codes[:7]
    means = np.stack([learned[own == at].mean(axis=0) for at in range(3)])
    variance = ((learned - means[own]) ** 2).mean()
    distance = ((pixels[7:, None] - means) ** 2).mean(axis=2)
    odds = np.bincount(own) / 7 * np.exp(-distance / (2 * variance))
    np.testing.assert_allclose(found, odds / odds.sum(axis=1, keepdims=True), atol=1e-9)
