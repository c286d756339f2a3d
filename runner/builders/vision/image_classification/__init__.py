"""x"""

from typing import Literal

from runner.contract import ModelSpec, option
from runner.data.images.section import ClassImages
from runner.tasks import classification

TASK = classification.TASK
REQUIRES = ("torch",)


class Spec(ModelSpec):
    data = ClassImages
    model_type: Literal["image_classification"] = option(description="x")
