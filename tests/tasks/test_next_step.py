"""The command that ends a training of classifiers and regressors: a shell reads it as the words that are meant."""

from __future__ import annotations

import shlex

import pytest

from runner.tasks.classification import TASK as CLASSIFICATION
from runner.tasks.regression import TASK as REGRESSION
from runner.tracking.final_table import next_command


@pytest.mark.parametrize("task", [CLASSIFICATION, REGRESSION], ids=lambda task: task.name)
def test_the_command_asks_the_model_about_a_file(task):
    command = task.room("next_step").command
    assert command("tabular_x/mine", {}) == "runner infer --model tabular_x/mine --input rows.csv"
    odd = command("tabular_x/a b'c", {}, "python -m runner")
    assert shlex.split(odd) == ["python", "-m", "runner", "infer", "--model", "tabular_x/a b'c", "--input", "rows.csv"]


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("image_classification", "pictures"),
        ("image_regression", "pictures"),
        ("object_detection", "pictures"),
        ("text_classification", "rows.csv"),
        ("tabular_regression", "rows.csv"),
        ("extractive_qa", "questions.jsonl"),
        ("sentence_embedding", "pairs.csv"),
    ],
)
def test_the_file_is_what_the_kind_reads(kind, file):
    assert next_command(kind, f"{kind}/mine", {}) == f"runner infer --model {kind}/mine --input {file}"
