"""Models of held-out rows: how they are asked."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from runner.tasks._supervised.bench import ask_all
from tests.data.table_rows.conftest import load, table

__all__ = ["table"]


class Answering:
    """A predictor that keeps how many rows it is asked about."""

    targets = ("y",)
    thresholds: ClassVar = {}

    def __init__(self):
        self.asked = []

    def predict_part(self, part):
        self.asked.append(len(part))
        return {"y": np.zeros(len(part))}


class Entry:
    """A stored model with that predictor."""

    label = "a"

    def __init__(self):
        self.predictor = Answering()

    def ask(self, question):
        return question(self.predictor)

    def fail(self, error):
        raise error


def test_a_model_answers_a_few_rows_before_it_is_timed(table):
    part = load(table({"n": list(range(40)), "y": [at / 2 for at in range(40)]}), classes=False).validation
    entry = Entry()
    (said,) = ask_all([entry], part, "regression", lambda _: None)
    assert entry.predictor.asked == [2, len(part)]
    assert len(said.outputs["y"]) == len(part) > 2
