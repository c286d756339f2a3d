"""Epochs and warm-up by how many rows there are: the values of the formula, and its limits."""

from __future__ import annotations

import pytest

from runner.errors import DataError
from runner.wizard.sft_defaults import defaults, warmup_ratio


@pytest.mark.parametrize(
    ("rows", "epochs", "ratio"),
    [
        (1, 10, 1.0),
        (2, 10, 1.0),
        (5, 10, 0.4),
        (10, 10, 0.2),
        (100, 10, 0.02),
        (1000, 10, 0.005),
        (3000, 3, 0.0167),
        (4000, 2, 0.025),
        (10_000, 1, 0.05),
        (50_000, 1, 0.04),
    ],
)
def test_the_values_of_the_formula(rows: int, epochs: int, ratio: float):
    found = defaults(rows)
    assert (found.epochs, found.warmup_ratio) == (epochs, ratio)
    assert (found.batch_size, found.learning_rate, found.schedule) == (2, 2e-4, "linear")


def test_conversations_that_are_typed_in_are_learned_one_by_one_and_gently():
    found = defaults(3, inline=True)
    assert (found.batch_size, found.learning_rate) == (1, 1e-5)
    assert found.warmup_ratio == round(10 / 30, 4)


def test_a_warm_up_is_never_longer_than_the_training():
    assert all(warmup_ratio(rows, 1, 2) <= 1 for rows in range(1, 200))


@pytest.mark.parametrize("rows", [0, -1])
def test_no_rows_are_refused(rows: int):
    with pytest.raises(DataError, match="no row to learn from"):
        defaults(rows)


def test_the_values_are_shown_without_how_they_came_about():
    assert defaults(100).sentence() == (
        "epochs 10, batch size 2, learning rate 0.0002, schedule linear, warm-up ratio 0.02"
    )
