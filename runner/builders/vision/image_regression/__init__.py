"""A number for each picture: a pretrained vision model with one output.

The targets are brought to mean 0 and deviation 1 for the training, by figures that are stored with the model, so that
its answers are in the target's own unit. Pictures are changed in training only so that the number stays true: mirrored,
and in colour where the spec says so; none is cut.

Use it when the answer is a count, an age, a score of quality. Where the answer is one of a few words,
`image_classification` reads it.

Source: Dosovitskiy et al., An Image is Worth 16x16 Words (2021).
"""

from __future__ import annotations

from typing import ClassVar, Literal

from runner.builders.vision._fields.picture_spec import PictureAugmentation, PictureSpec
from runner.contract import option
from runner.data.images.section import NumberImages
from runner.tasks import regression

TASK = regression.TASK
REQUIRES = ("numpy", "peft", "pillow", "pyarrow", "safetensors", "torch", "transformers")


class Spec(PictureSpec):
    """Numbers of pictures."""

    data = NumberImages
    measures: ClassVar = {"rmse": "lower", "mae": "lower", "r2": "higher"}

    model_type: Literal["image_regression"] = option(description="A number for each picture.")
    fit: Literal["crop", "squash"] = option(
        "squash",
        description="How a picture is brought to the size that the model reads: squash resizes both sides, so that all "
        "of it is seen; crop resizes the shorter side and cuts out the middle. It is stored with the model.",
    )
    augmentation: PictureAugmentation | None = option(
        factory=PictureAugmentation, description="How pictures are changed in training; null leaves them as they are."
    )
    loss: Literal["squared", "absolute", "huber"] = option(
        "squared",
        description="What is made small: the squared error; the absolute one, which single wild targets pull less; or "
        "huber, squared up to one deviation of the targets and absolute beyond.",
    )
    target_scaling: Literal["standard", "none"] = option(
        "standard",
        description="standard learns the targets less their mean, over their deviation; none learns them as they are.",
    )
