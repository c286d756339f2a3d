"""The command that ends a training of classifiers and regressors: a shell reads it as the words that are meant."""

from __future__ import annotations

import shlex

import pytest

from runner.tasks.classification import TASK as CLASSIFICATION
from runner.tasks.regression import TASK as REGRESSION


@pytest.mark.parametrize("task", [CLASSIFICATION, REGRESSION], ids=lambda task: task.name)
def test_the_command_asks_the_model_about_a_file(task):
    command = task.room("next_step").command
    assert command("tabular_x/mine", {}) == "runner infer --model tabular_x/mine --input rows.csv"
    odd = command("tabular_x/a b'c", {}, "python -m runner")
    assert shlex.split(odd) == ["python", "-m", "runner", "infer", "--model", "tabular_x/a b'c", "--input", "rows.csv"]
