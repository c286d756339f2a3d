"""x"""

from typing import Literal

from runner.contract import ModelSpec, option
from runner.data.boxes.section import BoxesData
from runner.tasks import detection

TASK = detection.TASK
REQUIRES = ("torch",)


class Spec(ModelSpec):
    data = BoxesData
    model_type: Literal["object_detection"] = option(description="x")
