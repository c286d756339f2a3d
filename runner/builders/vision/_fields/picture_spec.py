"""The fields that the kinds of pictures share, and how pictures are changed while a model learns from them."""

from __future__ import annotations

from typing import ClassVar, Literal

from runner.builders._finetuning._fields.finetuned_spec import FinetunedSpec
from runner.contract import Section, option


class PictureAugmentation(Section):
    """Changes that leave alone what a picture shows: they are drawn anew whenever it is learned."""

    flip: float = option(0.5, ge=0, le=1, description="How often a picture is mirrored, left to right.")
    colour: float = option(
        0.0,
        ge=0,
        lt=1,
        description="How far brightness, contrast and saturation are each changed: 0.2 is between 0.8 and 1.2 times; 0 "
        "leaves them.",
    )


class CropAugmentation(PictureAugmentation):
    """The same, and a part of the picture in its place."""

    crop_scale: float | None = option(
        0.5,
        gt=0,
        le=1,
        description="The least share of a picture's area that is cut out of it and resized (Szegedy et al., 2015); its "
        "shape is between 3:4 and 4:3. null: the whole picture, fitted as in use.",
    )


class PictureSpec(FinetunedSpec):
    """A pretrained model of pictures that is trained on."""

    default_batch_size: ClassVar = 32

    fit: Literal["crop", "squash"] = option(
        "crop",
        description="How a picture is brought to the size that the model reads: crop resizes its shorter side and cuts "
        "out the middle, squash resizes both sides. It is stored with the model.",
    )
