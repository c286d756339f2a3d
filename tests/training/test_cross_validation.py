"""Cross-validation as a spec says it: what may be tried, who is in which fold, and what is chosen."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from runner.contract import LoadedData, TrainContext
from runner.errors import SpecError, Stopped
from runner.runs.checkpoints import RunCheckpoints
from runner.spec.canonical import canonical
from runner.spec.checking import load_object
from runner.training.cross_validation import choose, fold_of


def loaded(kind: str = "dense_network", **fields: Any) -> Any:
    document = {"model": {"name": "m", "spec": {"model_type": kind} | fields}, "data": {"dataset": "sample"}}
    return load_object(document | {"epochs": 3, "batch_size": 32}).spec


def test_without_it_a_resolved_spec_is_what_it_was():
    assert "cross_validation" not in canonical(loaded())["model"]["spec"]
    assert canonical(loaded(cross_validation={}))["model"]["spec"]["cross_validation"] == {"folds": 5, "grid": {}}


def test_a_resumed_run_has_to_keep_its_epochs():
    assert loaded().model.spec.fixed_length() is None
    assert loaded(cross_validation={}).model.spec.fixed_length()
    cosine = {"schedule": {"schedule_type": "cosine"}}
    assert "schedule" in loaded(**cosine).model.spec.fixed_length()


def test_a_grid_is_tried_in_every_combination():
    grid = {"optimizer.weight_decay": [0.0, 1], "hidden_dims": [[8], [4, 4]]}
    spec = loaded(optimizer={"optimizer_type": "adam"}, cross_validation={"grid": grid}).model.spec
    values, specs = zip(*spec.candidates(), strict=True)
    assert [list(each.values()) for each in values] == [[0.0, [8]], [0.0, [4, 4]], [1, [8]], [1, [4, 4]]]
    assert [(each.optimizer.weight_decay, each.hidden_dims) for each in specs][3] == (1.0, [4, 4])
    assert all(each.optimizer.optimizer_type == "adam" and each.cross_validation is None for each in specs)


@pytest.mark.parametrize(
    ("fields", "at", "said"),
    [
        ({"cross_validation": {"grid": {"optimizer.weight_decay": [0.1, -1]}}},
         "/cross_validation/grid/optimizer.weight_decay/1", "greater than or equal to 0"),
        ({"cross_validation": {"grid": {"optimizer.momentum": [0.1]}}},
         "/cross_validation/grid/optimizer.momentum/0", "not permitted"),
        ({"cross_validation": {"grid": {"embedding_model_name": ["x"]}}},
         "/cross_validation/grid/embedding_model_name", "one of optimizer, hidden_dims"),
        ({"cross_validation": {"grid": {"model_id_embedding_dim": list(range(1, 10)),
                                        "optimizer.eps": [1e-8] * 8}}},
         "/cross_validation/grid", "72 combinations"),
        ({"cross_validation": {}, "early_stopping": {}}, "/early_stopping", "leave early_stopping out"),
    ],
)  # fmt: skip
def test_what_cannot_be_tried_is_told_at_its_place(fields, at, said):
    with pytest.raises(SpecError) as caught:
        loaded(**fields)
    (fault,) = caught.value.faults
    assert fault.pointer == f"/model/spec{at}" and said in fault.message


def test_folds_hold_whole_keys_and_as_many_that_count():
    keys = [f"key {at // 3}" for at in range(90)]
    counted = [at % 3 == 0 and at < 30 for at in range(90)]
    fold = fold_of(keys, counted, 5, 7)
    assert all(len({fold[at] for at in range(90) if keys[at] == key}) == 1 for key in set(keys))
    assert np.bincount(fold[np.array(counted)]).tolist() == [2] * 5 and np.bincount(fold).tolist() == [18] * 5
    turned = fold_of(keys[::-1], counted[::-1], 5, 7)
    assert (turned[::-1] == fold).all(), "the order of the rows has no say"
    assert (fold_of(keys, counted, 5, 8) != fold).any()


def test_with_few_keys_there_are_as_many_folds():
    assert sorted(set(fold_of(["a", "b", "c"], [True, True, False], 5, 0).tolist())) == [0, 1]
    assert set(fold_of(["a", "a"], [True, True], 5, 0).tolist()) == {-1}


class Trials:
    """Five epochs of each candidate, whose loss is least where its table says; it counts the trainings."""

    def __init__(self, losses: dict[int, list[float]], stop_after: int | None = None) -> None:
        self.losses, self.stop_after, self.trained = losses, stop_after, 0

    def foretell(self, candidate: Any, held: np.ndarray) -> np.ndarray:
        if self.trained == self.stop_after:
            raise Stopped("stopped")
        self.trained += 1
        return np.repeat(np.array(self.losses[candidate])[:, None], held.sum(), axis=1)

    def choose(self, context: Any, **more: Any) -> Any:
        spec = SimpleNamespace(candidates=lambda: [({"width": at}, at) for at in self.losses])
        fold = np.arange(12) % 3

        def judge(row: np.ndarray) -> dict[str, float]:
            return {"loss": float(row.max()), "n": len(row)}

        return choose(spec, context, fold, self.foretell, judge, **more)


@pytest.fixture
def context_at(tmp_path):
    """A context whose checkpoints last from one call to the next."""

    def make(name: str) -> TrainContext:
        def silent(event: str, **fields: Any) -> None:
            pass

        return TrainContext(
            data=LoadedData(None, None, "0" * 64, {}),
            epochs=5,
            batch_size=32,
            seed=42,
            device="cpu",
            print_every=1,
            emit=silent,
            checkpoints=RunCheckpoints(tmp_path / name, silent),
            stop_requested=lambda: False,
            artifact=tmp_path,
            start_from=None,
            cache=tmp_path,
        )

    return make


LOSSES = {0: [0.9, 0.5, 0.6], 1: [0.7, 0.4, 0.8], 2: [0.8, 0.7, 0.45]}


def test_the_least_loss_is_chosen_with_its_epoch(context_at):
    trials = Trials(LOSSES)
    choice = trials.choose(context_at("whole"))
    assert (choice.spec, choice.epochs, choice.values) == (1, 2, {"width": 1}) and trials.trained == 9
    assert choice.parameters == {"cross_validation": {"epochs": 2, "width": 1}}
    assert list(choice.table.columns) == ["width", "epochs", "loss", "n"]
    assert [list(row) for row in choice.table.rows] == [[1, 2, 0.4, 12], [2, 3, 0.45, 12], [0, 2, 0.5, 12]]


def test_where_the_epochs_are_fixed_the_last_one_counts(context_at):
    choice = Trials(LOSSES).choose(context_at("whole"), last_alone=True)
    assert (choice.spec, choice.epochs) == (2, 3)


@pytest.mark.parametrize("after", [0, 2, 3, 7])
def test_what_was_trained_before_a_stop_is_not_trained_again(context_at, after):
    expected = Trials(LOSSES).choose(context_at("whole"))
    with pytest.raises(Stopped):
        Trials(LOSSES, stop_after=after).choose(context_at("stopped"))
    rest = Trials(LOSSES)
    assert rest.choose(context_at("stopped")) == expected and rest.trained == 9 - after
