"""What a detector reads of a picture: pixels of a square, as the base's processor brings them to numbers.

The same is written beside the stored model as the configuration of its processor, so that transformers reads pictures
alike. Pillow resizes here, whatever else is installed: the same pixels everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from runner.errors import DataError

NAME = "preprocessor_config.json"
TAKE = "take it from where the model comes from"
#: The side where neither the spec nor the base says one.
SIDE = 640
#: The means and deviations of ImageNet's channels, which most models are trained with.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class DetectorInputs:
    """How a picture becomes ``float32 [3, side, side]``."""

    side: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    normalised: bool
    #: The class of transformers, where the base names one.
    kind: str | None

    @classmethod
    def of(cls, folder: Path, side: int | None = None, where: str = "") -> DetectorInputs:
        """What a model's folder says, with another side where one is named.

        Raises :class:`DataError` for a document that is none, at ``where`` and the folder.
        """
        place = f"{where}: {folder / NAME}" if where else str(folder / NAME)
        config: Any = {}
        if (folder / NAME).exists():
            try:
                config = json.loads((folder / NAME).read_text("utf-8"))
            except (OSError, ValueError, RecursionError) as error:
                raise DataError(f"the image processor cannot be read: {error}", where=place, hint=TAKE) from None
        numbers = (config.get(key) for key in ("image_mean", "image_std")) if isinstance(config, dict) else (0,)
        if not all(each is None or _three(each) for each in numbers):
            raise DataError("that is no image processor's configuration", where=place, hint=TAKE)
        mean, deviation = (
            tuple(config.get(key) or own) for key, own in (("image_mean", MEAN), ("image_std", DEVIATION))
        )
        kind = config.get("image_processor_type") or config.get("feature_extractor_type")
        return cls(side or _side(config.get("size")), mean, deviation, bool(config.get("do_normalize", True)), kind)

    def save_pretrained(self, folder: Path) -> None:
        """Write the processor's configuration as transformers reads it."""
        kind = (
            None if self.kind is None else self.kind.replace("FeatureExtractor", "ImageProcessor").removesuffix("Fast")
        )
        own = {} if kind is None else {"image_processor_type": kind}
        config = own | {
            "do_resize": True, "size": {"height": self.side, "width": self.side}, "resample": 2, "do_rescale": True,
            "rescale_factor": 1 / 255, "do_normalize": self.normalised, "image_mean": self.mean,
            "image_std": self.deviation, "do_pad": False, "format": "coco_detection",
        }  # fmt: skip
        (folder / NAME).write_text(json.dumps(config, indent=1) + "\n", "utf-8")

    def pixels(self, image: Any) -> torch.Tensor:
        """A ``PIL.Image`` of mode RGB as float32 ``[3, side, side]``."""
        from PIL import Image

        stretched = image.resize((self.side, self.side), Image.Resampling.BILINEAR)
        values: np.ndarray = np.asarray(stretched, np.float32) * np.float32(1 / 255)
        if self.normalised:
            mean, deviation = (np.array(each, np.float32) for each in (self.mean, self.deviation))
            values = (values - mean) / deviation
        return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))


def _three(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(isinstance(each, int | float) for each in value)


def _side(size: Any) -> int:
    """The side of a square that a processor makes; :data:`SIDE` for one that keeps a picture's shape."""
    if isinstance(size, int):
        return size
    if isinstance(size, Mapping) and size.get("height") and size.get("height") == size.get("width"):
        return int(size["height"])
    return SIDE
