"""The column of a listing that says how good each model is."""

from __future__ import annotations

from runner.tracking.headline_column import headline, headline_column

ROUTER = headline("elo_scoring", {"log_loss": 0.5, "accuracy": 0.87654})
LENGTHS = headline("simple_length_prediction", {"relative_accuracy": 0.5289, "mae_tokens": 3})


def test_routers_and_length_models_share_a_column_of_accuracies() -> None:
    assert headline_column([ROUTER, LENGTHS, None]) == ("ACCURACY", ["0.8765", "0.5289 rel.", "-"])
    assert headline_column([]) == ("ACCURACY", [])


def test_one_other_measure_is_the_heading(regressor: str) -> None:
    rows = [headline(regressor, {"mae": 2500.5, "r2": 0.5}), headline(regressor, {"mae": None})]
    assert headline_column(rows) == ("MAE", ["2,500", "-"])


def test_several_measures_are_told_apart_in_their_cells(regressor: str) -> None:
    rows = [ROUTER, LENGTHS, headline(regressor, {"mae": 2.5})]
    assert headline_column(rows) == ("MEASURED", ["0.8765 accuracy", "0.5289 rel. accuracy", "2.5000 MAE"])


def test_the_measure_that_a_run_recorded_is_gone_by() -> None:
    recorded = {"metric": "errors", "column": "errors", "better": "lower"}
    assert headline("unheard_of", {"n": 3, "errors": 2}, recorded) == recorded | {"value": 2}
    for torn in ({}, [], "errors", recorded | {"better": "more"}, recorded | {"column": None}):
        assert headline("elo_scoring", {"accuracy": 0.5}, torn) == headline("elo_scoring", {"accuracy": 0.5})


def test_a_kind_that_is_not_installed_goes_by_its_first_figure() -> None:
    assert headline("unheard_of", {"n": None, "word_error": 0.25}) == {
        "metric": "word_error", "column": "word error", "value": 0.25, "better": "higher",
    }  # fmt: skip
    assert headline("unheard_of", {}) is headline("unheard_of", None) is headline(3, [1]) is None
