"""When it has been waited long enough for something better."""

from __future__ import annotations

import pytest

from runner.training.early_stopping import EarlyStopping, Waiting


def ends(values: list[float | None], section: EarlyStopping | None) -> int | None:
    """The evaluation after which it is over, from 1."""
    waiting = Waiting()
    for number, value in enumerate(values, 1):
        waiting.see(value, section.min_delta if section else 0.0)
        if waiting.over(section):
            return number
    return None


@pytest.mark.parametrize(
    ("patience", "min_delta", "end"),
    [(1, 0.0, 3), (2, 0.0, 4), (3, 0.0, None), (2, 0.05, 4), (2, 0.3, 3), (9, 0.0, None)],
)
def test_patience_counts_evaluations_without_an_improvement(patience, min_delta, end):
    values = [0.5, 0.6, 0.6, 0.55, 0.61]
    assert ends(values, EarlyStopping(patience=patience, min_delta=min_delta)) == end


def test_small_steps_add_up_to_an_improvement():
    rising = [0.50, 0.54, 0.58, 0.62, 0.66, 0.70]
    assert ends(rising, EarlyStopping(patience=3, min_delta=0.1)) is None
    assert ends(rising, EarlyStopping(patience=2, min_delta=0.1)) == 3


def test_what_is_not_known_is_no_worse():
    assert ends([None] * 9, EarlyStopping(patience=1)) is None
    assert ends([0.9, None, 0.2, 0.1], EarlyStopping(patience=1)) == 4


def test_without_the_section_nothing_ends():
    assert ends([0.9] * 9, None) is None
