"""A number for a text, or several: a pretrained encoder with a linear layer on it, fine-tuned.

Rows are texts, or pairs of texts, with one target column or several. Targets are learned with mean 0 and deviation 1,
and the model's answers are in the targets' own unit. The mean and the median of the training rows, and a linear model
of the counts of words, are always measured on the same held-out rows, and the texts that it errs most on are shown.

Use it when ratings, similarities of two texts, or prices by their descriptions are wanted. Where a number is only the
name of a class, `text_classification` predicts it.

Source: Devlin et al., BERT (2019); the robust loss: Huber (1964).
"""

from __future__ import annotations

from typing import ClassVar, Literal

from runner.builders.text._fields.encoder_fields import EncoderSpec
from runner.contract import option
from runner.data.labelled_texts.section import NumberTextData
from runner.tasks import regression

TASK = regression.TASK
REQUIRES = ("torch", "transformers", "peft", "accelerate", "safetensors", "numpy", "pyarrow", "scikit-learn")


class Spec(EncoderSpec):
    """Numbers of texts."""

    data = NumberTextData
    measures: ClassVar = {
        "r2": "higher", "rmse": "lower", "mae": "lower", "pearson": "higher", "spearman": "higher",
    }  # fmt: skip

    model_type: Literal["text_regression"] = option(description="A number for a text, or several.")
    loss: Literal["mse", "huber", "l1"] = option(
        "mse",
        description="mse learns the mean; huber and l1 let rows that are far off count less, and l1 learns the median.",
    )
