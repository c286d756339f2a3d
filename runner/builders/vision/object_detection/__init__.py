"""Finding things in pictures: a box, a class and a score for each of them.

A pretrained detector of transformers (YOLOS, DETR, RT-DETR, D-FINE and others) is trained on with the loss of its own,
which pairs what it finds with what is there (Carion et al., 2020, section 3.1). Classes get a new layer on its head;
pictures are stretched to squares of one size, and boxes with them, so that every model reads them alike.

Use it when things are to be counted or placed. For one label of a whole picture take `image_classification`,
which needs no boxes. A detector that knows nothing needs many thousands of pictures: begin with a pretrained one, such
as `hustvl/yolos-tiny`. `runner/tiny-yolos`, which the example takes, is drawn at random and shows the way alone.

Source: Carion et al., "End-to-End Object Detection with Transformers" (2020); Fang et al., "You Only Look at One
Sequence" (2021).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from runner.builders._finetuning._fields.finetuned_spec import FinetunedSpec
from runner.builders._finetuning._fields.pretrained_fit import document
from runner.contract import Section, option
from runner.data.boxes.section import BoxesData
from runner.errors import Fault
from runner.tasks import detection

TASK = detection.TASK
REQUIRES = ("torch", "transformers", "peft", "accelerate", "safetensors", "numpy", "scipy", "pillow")


class BoxAugmentation(Section):
    """How a picture of training is changed each time that it is read, its boxes with it."""

    flip: float = option(0.5, ge=0, le=1, description="How often a picture is mirrored, left and right.")
    colour: float = option(
        0.2, ge=0, lt=1, description="How much brightness, contrast and saturation may change: 0.2 is up to a fifth."
    )


class Spec(FinetunedSpec):
    """Object detection."""

    data = BoxesData
    default_epochs: ClassVar = 10
    default_batch_size: ClassVar = 8
    measures: ClassVar = {"map": "higher", "map_50": "higher", "loss": "lower"}

    model_type: Literal["object_detection"] = option(description="Things in pictures, each with a box and a class.")
    image_size: int | None = option(
        None,
        ge=32,
        le=4096,
        description="Pictures are stretched to squares of this many pixels a side. null: as the base's processor says, "
        "else 640.",
    )
    augmentation: BoxAugmentation | None = option(
        factory=BoxAugmentation, description="How pictures of training are changed; null leaves them as they are."
    )
    backbone_rate: Annotated[float, Field(gt=0, le=1)] = option(
        1.0, description="The learning rate of all but the head is the optimizer's times this: 0.1 for a fresh head."
    )

    def misfits(self, models: Mapping[str, Path]) -> list[Fault]:
        base = models.get("start_state") or models.get("base_model_name")
        lacking = None if base is None else lacks_timm(document(base / "config.json"))
        return super().misfits(models) + ([lacking] if lacking is not None else [])


def lacks_timm(config: Mapping[str, Any]) -> Fault | None:
    """What to say of a model whose backbone is the package timm's, where that is not installed; else None."""
    own = config.get("backbone_config")
    named = config.get("use_timm_backbone") or (isinstance(own, Mapping) and own.get("model_type") == "timm_backbone")
    if not named or importlib.util.find_spec("timm") is not None:
        return None
    backbone = config.get("backbone") or (own.get("backbone") if isinstance(own, Mapping) else None) or "its backbone"
    return Fault(
        f"{backbone} of the model is made by the package timm, which is not installed",
        "/model/spec/base_model_name",
        hint="pip install timm where it is trained and used, or take hustvl/yolos-tiny or PekingU/rtdetr_r18vd",
    )
