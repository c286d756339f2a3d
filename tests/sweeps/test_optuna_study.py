"""What is tried next is the same for a sweep that was interrupted; parameters wait for those they depend on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.sweeps import constraints
from runner.sweeps.journal import Aim, Record, TrialState
from runner.sweeps.optuna_study import Chooser
from tests.sweeps.sweep_documents import BASE, chooser, sweep

METHODS = ("random", "tpe", "gp", "cma-es", "halving")


def measured(values: dict[str, Any], at: int) -> float:
    """A made-up training: better the nearer k_factor is to 20, and a little better every epoch."""
    return 1.0 / (1.0 + abs(values["/model/spec/k_factor"] - 20.0)) + at / 100


def play(asker: Chooser, record: Record, upto: int) -> None:
    """Go on with a sweep in memory, writing its journal's lines into the record, until ``upto`` trials are over."""

    def write(event: str, **fields: Any) -> None:
        record.take({"event": event} | fields)

    while len(record.trials) < upto:
        number = len(record.trials)
        values = asker.next(number)
        if values is None:
            return
        write("asked", trial=number, values=values)
        state, value = TrialState.COMPLETE, measured(values, 9)
        for at in range(1, 5):
            write("told", trial=number, at=at, value=measured(values, at))
            if asker.told(number, at, measured(values, at)):
                state, value = TrialState.PRUNED, None  # type: ignore[assignment]
                break
        write("ended", trial=number, state=str(state), value=value)
        asker.ended(number, state, value)


@pytest.mark.parametrize("method", METHODS)
def test_a_sweep_that_was_interrupted_asks_and_stops_as_if_it_had_not_been(method: str) -> None:
    document = sweep(
        method=method,
        trials=12,
        space={"model.spec.k_factor": {"min": 4.0, "max": 64.0, "log": True}},
        prune={"kind": "halving" if method == "halving" else "median"}
        | ({"eta": 2} if method == "halving" else {"warmup_trials": 2}),
    )
    whole = Record(aims=(Aim("accuracy", "maximize"),))
    play(chooser(document), whole, 12)
    cut = Record(aims=(Aim("accuracy", "maximize"),))
    for upto in (1, 2, 5, 6, 11, 12):
        again = chooser(document)
        _, differed = again.replay(list(cut.steps))
        assert differed is None
        play(again, cut, upto)
    assert [(each.values, each.state, each.value) for each in cut.trials.values()] == [
        (each.values, each.state, each.value) for each in whole.trials.values()
    ]
    assert any(each.state is TrialState.PRUNED for each in whole.trials.values())


def test_a_grid_is_every_combination_once_and_new_values_come_after_the_old() -> None:
    first = chooser(sweep(method="grid", trials=None, space={"/epochs": [1, 2], "model.spec.k_factor": [8, 16]}))
    seen = [first.next(at) for at in range(5)]
    assert seen[4] is None
    assert [tuple(each.values()) for each in seen[:4] if each] == [(1, 8), (1, 16), (2, 8), (2, 16)]
    wider = sweep(method="grid", trials=None, space={"/epochs": [1, 2, 3], "model.spec.k_factor": [8, 16]})
    record = Record(aims=(Aim("accuracy", "maximize"),))
    for at, values in enumerate(seen[:4]):
        record.take({"event": "asked", "trial": at, "values": values})
        record.take({"event": "ended", "trial": at, "state": "complete", "value": 0.5})
    second = chooser(wider)
    second.before(record.trials.values())
    assert [second.next(at) for at in (4, 5, 6)] == [
        {"/epochs": 3, "/model/spec/k_factor": 8}, {"/epochs": 3, "/model/spec/k_factor": 16}, None,
    ]  # fmt: skip


def test_a_parameter_is_varied_only_where_its_condition_holds() -> None:
    document = sweep(
        method="random",
        space={
            "model.spec.k_factor": {"min": 4.0, "max": 64.0, "when": {"/epochs": [2, 3]}},
            "/epochs": [1, 2, 3],
        },
    )
    asker = chooser(document)
    drawn = [asker.next(at) for at in range(30)]
    assert {each["/epochs"] for each in drawn if each} == {1, 2, 3}
    for each in drawn:
        assert each is not None
        assert ("/model/spec/k_factor" in each) == (each["/epochs"] != 1)


@given(st.lists(st.floats(4, 64), min_size=1, max_size=6))
@settings(max_examples=20, deadline=None)
def test_values_that_a_person_asks_for_are_tried_as_they_are(wanted: list[float]) -> None:
    asker = chooser(sweep(space={"model.spec.k_factor": {"min": 4.0, "max": 64.0}}))
    for at, value in enumerate(wanted):
        assert asker.next(at, {"/model/spec/k_factor": value}) == {"/model/spec/k_factor": value}


def test_constraints_are_arithmetic_and_nothing_else() -> None:
    assert constraints.places("batch_size * model.spec.max_length <= 8192 and not epochs == 3") == [
        "batch_size", "model.spec.max_length", "epochs",
    ]  # fmt: skip
    assert constraints.holds("a * b <= 12 and a < b", {"a": 3, "b": 4})
    assert not constraints.holds("-a > 0 or b // 0.5 != 8", {"a": 3, "b": 4})
    assert constraints.holds("name == 'adamw'", {"name": "adamw"})
    for text in ("open('x')", "a[0]", "lambda: 1", "a if b else c", "a in b", "f'{a}'", "a ** b", "(" * 200):
        with pytest.raises(constraints.Unfit):
            constraints.places(text)
    with pytest.raises(constraints.Unfit, match="zero"):
        constraints.holds("a / b > 1", {"a": 1, "b": 0})
    with pytest.raises(constraints.Unfit, match="a is 'x'"):
        constraints.holds("a < b", {"a": "x", "b": 1})


def test_the_base_is_not_changed_by_its_children() -> None:
    from runner.sweeps.trial_specs import child_of

    before = json.dumps(BASE)
    child = child_of(BASE, "s", {"/model/spec/k_factor": 7, "/data/seed": 3})
    assert json.dumps(BASE) == before
    assert child.name == f"s-{child.identity[:8]}"
    assert child_of(BASE, "other", {"/model/spec/k_factor": 7.0, "/data/seed": 3}).identity == child.identity
