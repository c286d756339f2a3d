"""Changes of pictures in training, each drawn from a generator of the picture's own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance

#: Shapes that are cut out, width over height, and how often one that fits is looked for: as torchvision's
#: RandomResizedCrop does.
SHAPES, TRIES = (3 / 4, 4 / 3), 10


def cuts_out(section: Any) -> bool:
    """Whether changed pictures are parts of them, which have the model's size already."""
    return getattr(section, "crop_scale", None) is not None


def changed(image: Any, section: Any, size: tuple[int, int], resample: int, rng: np.random.Generator) -> Any:
    """The picture as it is learned this time: of ``size`` (height, width) where a part of it is cut out."""
    cut = getattr(section, "crop_scale", None)
    if cut is not None:
        image = image.resize(size[::-1], Image.Resampling(resample), box=part(image.size, cut, rng))
    if rng.random() < section.flip:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if section.colour:
        low, high = 1 - section.colour, 1 + section.colour
        for enhancer in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
            image = enhancer(image).enhance(float(rng.uniform(low, high)))
    return image


def part(size: tuple[int, int], scale: float, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """A box in a picture of width and height: left, top, right, bottom. Its area is at least ``scale`` of the picture's
    where its shape lets it."""
    width, height = size
    for _ in range(TRIES):
        area = width * height * rng.uniform(scale, 1)
        shape = math.exp(rng.uniform(math.log(SHAPES[0]), math.log(SHAPES[1])))
        wide, high = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
        if 0 < wide <= width and 0 < high <= height:
            left, top = int(rng.integers(0, width - wide + 1)), int(rng.integers(0, height - high + 1))
            return left, top, left + wide, top + high
    # The whole picture, cut to the nearest shape that is allowed.
    wide = min(width, max(1, round(height * SHAPES[1])))
    high = min(height, max(1, round(width / SHAPES[0])))
    left, top = (width - wide) // 2, (height - high) // 2
    return left, top, left + wide, top + high
