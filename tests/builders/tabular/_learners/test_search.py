"""The search: seeded, bounded, resumable, and honest about what failed and what ended it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from runner.builders.tabular._learners import make_learner, search_spaces
from runner.builders.tabular._learners.cross_validation import FoldedTable, out_of_fold
from runner.builders.tabular._learners.search import search
from runner.contract import Table
from runner.errors import DataError, RunFailed, Stopped
from tests.builders.tabular._learners.tables import table


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch):
    monkeypatch.setattr(search_spaces, "MOST_ROUNDS", 8)


def searched(shape="mixed", *, change=lambda targets: targets, **words):
    data = table(shape)
    inputs, targets = data.train
    halves = np.array_split(np.random.default_rng(1).permutation(len(inputs)), 2)
    words = {"candidates": ("linear", "xgboost"), "trials": 5, "seed": 7} | words
    return search(
        inputs,
        change(targets),
        task=data.task,
        n_classes=data.n_classes,
        categorical=data.categorical,
        folds=[(halves[0], halves[1]), (halves[1], halves[0])],
        **words,
    )


def without_seconds(board):
    place = board.columns.index("seconds")
    return [[cell for column, cell in enumerate(row) if column != place] for row in board.rows]


class Saved:
    """A checkpoint as a run's folder gives it back."""

    def __init__(self, tensors, state):
        self.tensors = {name: np.array(value) for name, value in tensors.items()}
        self.state = json.loads(json.dumps(state))
        self.step = state["done"]


@pytest.mark.parametrize("shape", ["mixed", "numbers"])
def test_it_finds_a_model_and_shows_the_dummy_and_the_linear_model_beside_it(shape):
    found, data = searched(shape), table(shape)
    assert Table.read(json.loads(json.dumps(found.leaderboard.as_dict()))) is not None
    names = [row[0] for row in found.leaderboard.rows]
    assert names[0] == found.name and {"dummy", "linear", "xgboost"} == set(names)
    scores = [row[1] for row in found.leaderboard.rows]
    assert scores == sorted(scores)
    assert all(low <= value <= high for _, value, low, high, *_ in found.leaderboard.rows)
    assert found.oof.shape[0] == len(data.train[0]) and np.isfinite(found.oof).all()
    assert found.ended_by == "trials" and len(found.trials.rows) == 5
    # What was found is a learner's parameters, to be fitted to all rows.
    learner = make_learner(found.name, found.params, data.task, data.n_classes)
    learner.fit(*data.train, categorical=data.categorical)


def test_the_same_seed_finds_the_same_and_another_draws_others():
    one, two, other = searched(), searched(), searched(seed=8)
    assert without_seconds(one.leaderboard) == without_seconds(two.leaderboard)
    assert without_seconds(one.trials) == without_seconds(two.trials)
    np.testing.assert_array_equal(one.oof, two.oof)
    assert without_seconds(one.trials) != without_seconds(other.trials)


@pytest.mark.parametrize("after", [1, 4])
def test_a_search_that_was_stopped_goes_on_to_the_same_end(after):
    whole, saved, told = searched(), [], []
    with pytest.raises(Stopped):
        searched(
            on_progress=lambda done, *_: told.append(done),
            stop=lambda: len(told) >= after,
            checkpoint=lambda tensors, state: saved.append(Saved(tensors, state)),
        )
    assert saved[-1].step == after
    resumed = searched(resume=saved[-1])
    assert without_seconds(resumed.trials) == without_seconds(whole.trials)
    assert without_seconds(resumed.leaderboard) == without_seconds(whole.leaderboard)
    np.testing.assert_array_equal(resumed.oof, whole.oof)


def test_a_stop_inside_a_trial_saves_the_trials_before_it():
    asked, saved = [], []

    def stop():
        asked.append(1)
        return len(asked) > 8

    with pytest.raises(Stopped):
        searched(stop=stop, checkpoint=lambda tensors, state: saved.append(Saved(tensors, state)))
    assert saved[-1].step == len(saved[-1].state["trials"]) == 1


def test_a_trial_that_fails_is_recorded_with_its_reason():
    found = searched("numbers", change=lambda targets: targets * 1e60)
    assert found.name == "linear"
    failed = [row for row in found.trials.rows if row[1] == "xgboost"]
    assert failed and all(row[3] == "failed" and "too large for xgboost" in row[-1] for row in failed)
    last = found.leaderboard.rows[-1]
    assert last[0] == "xgboost" and last[1] is None and "too large" in last[-1]


def test_a_search_without_a_trial_that_succeeds_names_the_reasons():
    with pytest.raises(RunFailed, match=r"all 5 trials.*linear: .*finite.*xgboost: DataError"):
        searched("numbers", change=lambda targets: targets * 1e200)


def test_the_time_limit_leaves_the_linear_model_and_is_said():
    found = searched(trials=None, time_limit=0.0)
    assert (found.name, found.ended_by, len(found.trials.rows)) == ("linear", "time", 1)
    assert "time limit" in found.leaderboard.note
    assert {row[0] for row in found.leaderboard.rows} == {"linear", "dummy"}


@pytest.mark.slow
@pytest.mark.warm
def test_every_candidate_is_tried_at_its_defaults_first(monkeypatch):
    monkeypatch.setattr(search_spaces, "MOST_EPOCHS", 2)
    found = searched("classes", candidates=search_spaces.CANDIDATES, trials=5)
    assert [row[1] for row in found.trials.rows] == list(search_spaces.CANDIDATES)
    assert all(row[3] == "done" for row in found.trials.rows)


def test_a_fold_without_rows_is_refused():
    data = table("classes")
    with pytest.raises(DataError, match="fold"):
        search(*data.train, task="classification", n_classes=3, folds=[(np.arange(5), np.arange(0))])


def test_the_rows_that_score_a_learner_do_not_choose_its_length():
    data = table("binary")
    inputs, targets = data.train
    fold = (np.arange(0, len(inputs), 2), np.arange(1, len(inputs), 2))
    turned = targets.copy()
    turned[fold[1]] = 1 - turned[fold[1]]
    answers = [
        out_of_fold(
            FoldedTable(inputs, own, "classification", 2, (), None, [fold]),
            "xgboost",
            {"n_estimators": 40, "early_stopping": {"patience": 3}, "learning_rate": 0.9},
            seed=1,
            threads=1,
        )
        for own in (targets, turned)
    ]
    np.testing.assert_array_equal(answers[0][0], answers[1][0])
    assert answers[0][1] == answers[1][1] and answers[0][1]["n_estimators"] < 40
