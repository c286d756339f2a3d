"""What a regressor's records hold, and how they lie in Parquet."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from runner.errors import RunFailed
from runner.tasks.regression import TASK
from runner.tasks.regression.options import RegressionOptions


@dataclass
class Row:
    values: list[float]
    id: str | None = None
    line: int = 0


class Regressor:
    """Says what stands in the rows, one number a target."""

    def __init__(self, *targets):
        self.targets = targets

    def predict(self, rows, options, batch_size):
        said = np.array([row.values for row in rows], float).reshape(len(rows), -1)
        return {target: said[:, at] for at, target in enumerate(self.targets)}


def opened(predictor, **options):
    return TASK.room("answers").open_answers(predictor, RegressionOptions(**options), print)


def test_a_record_is_a_value_or_one_for_every_target():
    assert opened(Regressor("price")).answer([Row([1.25]), Row([-3.0])], 8) == [{"value": 1.25}, {"value": -3.0}]
    answers = opened(Regressor("price", "weight"))
    (record,) = answers.answer([Row([1.25, 7.0])], 8)
    assert record == {"values": {"price": 1.25, "weight": 7.0}}
    assert answers.columns() == [("price/value", "double"), ("weight/value", "double")]
    assert answers.flat(record) == [1.25, 7.0]
    assert opened(Regressor("price")).columns() == [("value", "double")]
    assert answers.document_key == "predictions"


@given(st.floats(-1e9, 1e9), st.integers(0, 15))
def test_decimals_round_and_never_say_minus_zero(value, decimals):
    answers = opened(Regressor("price"), decimals=decimals)
    ((found,),) = [answers.flat(record) for record in answers.answer([Row([value])], 1)]
    assert found == round(value, decimals)
    assert json.dumps(found) != "-0.0"


@pytest.mark.parametrize("options", [{"decimals": -1}, {"decimals": 16}, {"digits": 2}])
def test_what_is_no_option_is_refused(options):
    with pytest.raises(ValidationError):
        RegressionOptions(**options)


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_a_value_that_is_no_number_names_the_row(value):
    answers = opened(Regressor("price"))
    with pytest.raises(RunFailed, match=r"'price' .* id 'house 2'"):
        answers.answer([Row([1.0]), Row([value], id="house 2", line=3)], 8)
    with pytest.raises(RunFailed, match="line 3"):
        answers.answer([Row([1.0]), Row([value], line=3)], 8)


def test_the_provenance_has_the_targets_and_what_the_predictor_counted():
    class Counting(Regressor):
        def provenance(self):
            return {"unseen_categories": {"town": 2}}

    told = opened(Counting("price"), decimals=2).provenance()
    assert told == {"options": {"decimals": 2}, "targets": ["price"], "unseen_categories": {"town": 2}}
    assert opened(Counting("price"), decimals=2).facts() == {"options": {"decimals": 2}}
