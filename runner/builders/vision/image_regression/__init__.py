"""x"""

from typing import Literal

from runner.contract import ModelSpec, option
from runner.data.images.section import NumberImages
from runner.tasks import regression

TASK = regression.TASK
REQUIRES = ("torch",)


class Spec(ModelSpec):
    data = NumberImages
    model_type: Literal["image_regression"] = option(description="x")
