"""A stored detector."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import torch

from runner.builders._finetuning import finetuned_model
from runner.builders._finetuning.finetuned_model import stored_head
from runner.builders.vision._detecting.box_batches import found_boxes
from runner.builders.vision._detecting.detector_inputs import DetectorInputs
from runner.data.boxes.box_side import BoxSplit
from runner.data.images.picture_places import side_by_side
from runner.tasks.detection.found_boxes import FoundBoxes
from runner.training import precision


class Predictor:
    """Boxes with classes and scores, of every score."""

    def __init__(self, model: Any, classes: Sequence[str], inputs: DetectorInputs, device: str) -> None:
        self._model, self._inputs, self._device = model, inputs, device
        self.classes = tuple(classes)

    @classmethod
    def load(cls, directory: Path, device: str = "cpu", cache: Path | None = None) -> Self:
        """Read what training wrote. Raises :class:`~runner.errors.IntegrityError` for anything else."""
        document = finetuned_model.read(directory)
        model = finetuned_model.load(directory, stored_head(document), device, cache)
        return cls(model, document["classes"], DetectorInputs.of(directory, document["side"]), device)

    def predict(
        self, rows: Sequence[Any], options: Any = None, batch_size: int = 16
    ) -> list[tuple[tuple[int, int], FoundBoxes]]:
        """Of each picture its width and height, and the boxes in it, in the rows' order."""
        found: list[tuple[tuple[int, int], FoundBoxes]] = []
        for start in range(0, len(rows), batch_size):
            some = rows[start : start + batch_size]
            images = list(side_by_side(partial(_decoded, some), range(len(some))))
            pixels = torch.stack([self._inputs.pixels(image) for image in images]).to(self._device)
            sizes = [(image.width, image.height) for image in images]
            with torch.no_grad(), precision.arithmetic("cpu"):
                output = self._model(pixel_values=pixels)
            found += zip(sizes, found_boxes(output, sizes, len(self.classes)), strict=True)
        return found

    def predict_part(self, part: BoxSplit) -> list[FoundBoxes]:
        """The boxes of every picture of a split, their classes those of this model."""
        rows = [_Row(part.pictures, at) for at in range(len(part))]
        return [found for _, found in self.predict(rows)]


def _decoded(rows: Sequence[Any], at: int) -> Any:
    return rows[at].pictures.decoded(rows[at].at)


class _Row:
    def __init__(self, pictures: Any, at: int) -> None:
        self.pictures, self.at = pictures, at
