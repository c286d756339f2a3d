"""A class for a text, or several labels: a pretrained encoder with a linear layer on it, fine-tuned.

Rows are texts, or pairs of texts, with a class, with a list of labels, or with a column of yes and no for each label.
Classes are called as in the file. Of two classes, and of each of several labels, a threshold decides, which can be
chosen by F1 on a tenth of the training rows that is kept apart. The class frequencies and a linear model of the counts
of words are always measured on the same held-out rows, and the texts that it is most wrong on are shown.

Use it when the words decide. Where other columns say more than one text, `tabular_classification` reads them; where
the target is a quantity, `text_regression` keeps the order.

Source: Devlin et al., BERT (2019); label smoothing: Szegedy et al. (2016).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from runner.builders.text._fields.encoder_fields import EncoderSpec
from runner.contract import option
from runner.data.labelled_texts.section import ClassTextData
from runner.tasks import classification

TASK = classification.TASK
REQUIRES = ("torch", "transformers", "peft", "accelerate", "safetensors", "numpy", "pyarrow", "scikit-learn")


class Spec(EncoderSpec):
    """Classes of texts."""

    data = ClassTextData
    measures: ClassVar = {
        "accuracy": "higher", "log_loss": "lower", "f1_macro": "higher", "f1_weighted": "higher",
        "balanced_accuracy": "higher", "auc": "higher",
    }  # fmt: skip

    model_type: Literal["text_classification"] = option(description="A class for a text, or several labels.")
    class_weights: Literal["none", "balanced"] | dict[str, Annotated[float, Field(gt=0, le=1e9)]] = option(
        "none",
        description="balanced weighs each row by the inverse frequency of its class, and of several labels the rows "
        "that have one; or a weight by class, 1 for those not named.",
    )
    label_smoothing: float = option(
        0.0, ge=0, lt=1, description="How much of a class's probability the loss wants spread over all classes."
    )
    threshold: Literal["f1"] | Annotated[float, Field(gt=0, lt=1)] = option(
        0.5,
        description="From which probability on a row is of the second of two classes, or has a label; f1 chooses the "
        "one with the best F1 on a tenth of the training rows, which is not learned from. Others have none.",
    )
