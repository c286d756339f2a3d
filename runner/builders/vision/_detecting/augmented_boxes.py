"""Pictures of training changed at random, with their boxes: mirrored, and other colours."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch


def augmented(image: Any, corners: np.ndarray, section: Any) -> tuple[Any, np.ndarray]:
    """The picture, and its boxes in pixels, float64 ``[n, 4]``. What is drawn comes from torch's generator."""
    from PIL import ImageEnhance, ImageOps

    # The same number of draws for every picture, whatever becomes of it.
    flip, *changes = torch.rand(4, dtype=torch.float64).tolist()
    if flip < section.flip:
        image = ImageOps.mirror(image)
        corners = mirrored(corners, image.width)
    for kind, drawn in zip((ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color), changes, strict=True):
        if section.colour:
            image = kind(image).enhance(1 + section.colour * (2 * drawn - 1))
    return image, corners


def mirrored(corners: np.ndarray, width: int) -> np.ndarray:
    """Boxes of a picture that was mirrored left and right."""
    found = corners.copy()
    found[:, 0], found[:, 2] = width - corners[:, 2], width - corners[:, 0]
    return found
