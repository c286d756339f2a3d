"""A class for each picture: a pretrained vision model with a new head.

The model is one of transformers' kinds (ViT, ConvNeXt, Swin, ResNet, DINOv2, ...) with its own image processor, from
which the size comes. In training a part of each picture is cut out, resized and perhaps mirrored; in use its middle is
read. Pictures are decoded when they are needed and never held.

Use it when the picture as a whole is of one class. Where the answer is a quantity, `image_regression` keeps the order.

Source: Dosovitskiy et al., An Image is Worth 16x16 Words (2021); label smoothing: Szegedy et al. (2016).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from runner.builders.vision._fields.picture_spec import CropAugmentation, PictureSpec
from runner.contract import option
from runner.data.images.section import ClassImages
from runner.tasks import classification

TASK = classification.TASK
REQUIRES = ("numpy", "peft", "pillow", "pyarrow", "safetensors", "torch", "transformers")


class Spec(PictureSpec):
    """Classes of pictures."""

    data = ClassImages
    measures: ClassVar = {
        "log_loss": "lower", "accuracy": "higher", "balanced_accuracy": "higher", "f1_macro": "higher",
    }  # fmt: skip

    model_type: Literal["image_classification"] = option(description="A class for each picture.")
    augmentation: CropAugmentation | None = option(
        factory=CropAugmentation, description="How pictures are changed in training; null leaves them as they are."
    )
    label_smoothing: float = option(
        0.0, ge=0, lt=1, description="The share of each label that is spread over all classes while training."
    )
    class_weights: Literal["none", "balanced"] | dict[str, Annotated[float, Field(gt=0, le=1e9)]] = option(
        "none",
        description="balanced weighs each picture by the inverse frequency of its class; or a weight by class, 1 for "
        "those not named.",
    )
