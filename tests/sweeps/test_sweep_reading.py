"""What a sweep's document may say; every fault of it, at its place, before anything is trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.errors import EnvironmentProblem, SpecError
from runner.execution import image_lookup
from runner.sweeps import sweep_checking
from runner.sweeps.running import plan_each
from runner.sweeps.sweep_reading import load_sweep
from runner.workspace import Workspace
from tests.sweeps.sweep_documents import BASE, sweep

PLACE = "model.spec.k_factor"
TWO = [{"name": "accuracy"}, {"name": "log_loss"}]


def checked(document: dict[str, Any]) -> sweep_checking.CheckedSweep:
    return sweep_checking.check(load_sweep(json.dumps(document)))


def faults(document: Any) -> list[tuple[str, str]]:
    """Pointers and messages with their hints."""
    text = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(SpecError) as caught:
        sweep_checking.check(load_sweep(text))
    for fault in caught.value.faults:
        assert fault.line is not None or fault.pointer == "", fault
    return [(fault.pointer, f"{fault.message} {fault.hint or ''}") for fault in caught.value.faults]


def spaced(parameter: Any, place: str = PLACE, **fields: Any) -> dict[str, Any]:
    return sweep(space={place: parameter}, **fields)


BAD = {
    "no such field": (sweep(metod="grid"), "/sweep/metod", "method"),
    "pruning by two metrics": (sweep(metric=TWO, prune={"kind": "median"}), "/sweep/prune", "goes by one metric"),
    "halving by two metrics": (sweep(metric=TWO, method="halving"), "/sweep/method", "goes by one metric"),
    "cma-es by two metrics": (sweep(metric=TWO, method="cma-es"), "/sweep/method", "grid, random, tpe or gp"),
    "the best of two metrics": (
        sweep(metric=[{"name": "accuracy"}, {"name": "log_loss", "at": "best"}]), "/sweep/metric/1/at",
        "different epochs",
    ),
    "one metric twice": (sweep(metric=[{}, {"name": "accuracy"}]), "/sweep/metric/1", "as the first one is"),
    "three metrics": (sweep(metric=[*TWO, {"name": "x"}]), "/sweep/metric", "too many"),
    "a list of one metric": (sweep(metric=TWO[:1]), "/sweep/metric", "too few"),
    "a second metric without a goal": (
        sweep(metric=[{}, {"name": "acuracy"}]), "/sweep/metric/1/name", "`goal` has to say",
    ),
    "a name with a space": (sweep(name="my sweep"), "/sweep/name", "form"),
    "no space": ({"sweep": {"name": "x"}, "base": BASE}, "/sweep", "`space` is missing"),
    "an empty space": (sweep(space={}), "/sweep/space", "too few"),
    "neither values nor a range": (spaced({"log": True}), f"/sweep/space/{PLACE}", "either `values`, or"),
    "values and a range": (spaced({"values": [1], "min": 1, "max": 2}), f"/sweep/space/{PLACE}", "either `values`"),
    "half a range": (spaced({"min": 1}), f"/sweep/space/{PLACE}", "`max` is missing"),
    "a range the wrong way round": (spaced({"min": 9, "max": 3}), f"/sweep/space/{PLACE}/max", "not greater than min"),
    "a logarithm of nothing": (spaced({"min": 0, "max": 3, "log": True}), f"/sweep/space/{PLACE}/min", "above 0"),
    "a step of a logarithm": (
        spaced({"min": 1, "max": 3, "log": True, "step": 1}), f"/sweep/space/{PLACE}/step", "has no step",
    ),
    "a value twice": (spaced({"values": [1, 2, 1]}), f"/sweep/space/{PLACE}/values", "twice"),
    "a list without values": (spaced([]), f"/sweep/space/{PLACE}", "at least one"),
    "a value twice in a list": (spaced([1, 2, 1]), f"/sweep/space/{PLACE}", "twice"),
    "a place in two spellings": (
        sweep(space={PLACE: [4, 8], "/model/spec/k_factor": [16, 32]}), "/sweep/space/~1model~1spec~1k_factor",
        "the same place",
    ),
    "a step that is longer than its range": (
        spaced({"min": 1, "max": 3, "step": 10}, "/epochs"), "/sweep/space/~1epochs/step", "longer than the range",
    ),
    "a condition on a value that is not among those of its place": (
        sweep(space={"/epochs": [3, 4], PLACE: {"min": 4, "max": 9, "when": {"/epochs": [2]}}}),
        f"/sweep/space/{PLACE}/when/~1epochs", "never has",
    ),
    "a constraint that divides by zero": (sweep(constraints=["epochs / 0 < 3"]), "/sweep/constraints/0", "by zero"),
    "a constraint on a text": (sweep(constraints=["model.name < 3"]), "/sweep/constraints/0", "where numbers are"),
    "more epochs than a run ends": (
        spaced({"min": 1, "max": 10**30, "log": True}, "epochs"), "/sweep/space/epochs", "too large",
    ),
    "a constraint that compares nothing": (sweep(constraints=["epochs"]), "/sweep/constraints/0", "compares nothing"),
    "a constraint without a place": (sweep(constraints=["3 < 4"]), "/sweep/constraints/0", "no place"),
    "a figure the wrong way round": (
        sweep(metric={"name": "log_loss", "goal": "maximize"}), "/sweep/metric/goal", "lower is better",
    ),
    "exponents of W&B": (
        spaced({"min": -5, "max": -1, "distribution": "log_uniform"}), f"/sweep/space/{PLACE}/distribution",
        "exponents",
    ),
    "an unknown distribution": (
        spaced({"min": 1, "max": 2, "distribution": "unifrom"}), f"/sweep/space/{PLACE}/distribution", "uniform",
    ),
    "a place that is not there": (spaced([1, 2], "model.spec.k_factr"), f"/sweep/space/{PLACE[:-2]}r", "unknown field"),
    "a place that decides nothing": (spaced([1, 2], "/run/memory"), "/sweep/space/~1run~1memory", "decides nothing"),
    "a value that is none of the field's": (spaced([3, -4]), f"/sweep/space/{PLACE}", "too small"),
    "an end of a range that is none": (spaced({"min": -1.0, "max": 3.0}), f"/sweep/space/{PLACE}", "too small"),
    "values without effect": (
        spaced([1, 2], "/batch_size"), "/sweep/space/~1batch_size", "",
    ),
    "parameters that wait for each other": (
        sweep(space={"/epochs": {"values": [2], "when": {PLACE: 3}}, PLACE: {"values": [3], "when": {"/epochs": 1}}}),
        "/sweep/space", "wait for one another",
    ),
    "a condition that never holds": (
        spaced({"values": [1, 2], "when": {"model.spec.nothing": 1}}), f"/sweep/space/{PLACE}/when/model.spec.nothing",
        "never has that value",
    ),
    "a grid over a range without a step": (
        spaced({"min": 1.0, "max": 2.0}, method="grid"), f"/sweep/space/{PLACE}", "no step",
    ),
    "a constraint that is a program": (
        sweep(constraints=["__import__('os')"]), "/sweep/constraints/0", "there are numbers, places",
    ),
    "a constraint that cannot be read": (sweep(constraints=["epochs <"]), "/sweep/constraints/0", "cannot be read"),
    "a constraint on nothing": (sweep(constraints=["epoch < 3"]), "/sweep/constraints/0", "there is no epoch"),
    "a metric without a goal": (sweep(metric={"name": "loss"}), "/sweep/metric/name", "which way is better"),
    "halving that stops by median": (
        sweep(method="halving", prune={"kind": "median"}), "/sweep/prune/kind", "by halving",
    ),
    "nothing that is held out": (
        sweep(BASE | {"data": {"dataset": "sample", "validation_split": 0}}), "/base", "nothing is held out",
    ),
    "a failure that ends it, counted": (
        sweep(on_fail="stop", max_failures=2), "/sweep/max_failures", "has no effect",
    ),
    "a base of no kind": (sweep({"model": {"name": "x"}, "data": {}}), "/base/model", "not described"),
    "a base with a fault": (
        sweep(BASE | {"epochs": 0}), "/base/epochs", "too small",
    ),
    "a base that pushes": (sweep(BASE | {"hub": {"repository": "me/it"}}), "/base", "every trial would push"),
    "a constraint that nothing meets": (
        spaced({"min": 4, "max": 64}, constraints=["model.spec.k_factor > 100"]), "/sweep/constraints/0",
        "none of 2,000 draws meets it",
    ),
    "a constraint that no combination meets": (
        spaced([2, 4], "/epochs", constraints=["epochs < 5", "epochs == 3"]), "/sweep/constraints/1",
        "none of 2 combinations meets it",
    ),
    "constraints that nothing meets together": (
        spaced([2, 4], "/epochs", method="grid", constraints=["epochs > 3", "epochs < 3"]), "/sweep/constraints",
        "none of 2 combinations meets all 2",
    ),
    "a step that does not reach the end": (
        spaced({"min": 1, "max": 10, "step": 2}, "/epochs"), "/sweep/space/~1epochs/step",
        "does not reach max, 10: the nearest that it reaches are 9 and 11",
    ),
    "a value that holds nothing out": (
        spaced([0, 0.2], "/data/validation_split"), "/sweep/space/~1data~1validation_split", "nothing is held out",
    ),
    "a range that begins where nothing is held out": (
        spaced({"min": 0, "max": 0.5}, "/data/validation_split"), "/sweep/space/~1data~1validation_split",
        "nothing is held out",
    ),
    "a metric that is a word": (sweep(metric="f1"), "/sweep/metric", 'write {"name": "f1"}'),
    "metrics that are words": (sweep(metric=["f1", "accuracy"]), "/sweep/metric/1", 'write {"name": "accuracy"}'),
    "a way to stop that is a word": (sweep(prune="mediam"), "/sweep/prune", 'write {"kind": "median"}'),
    "not JSON": ("{", "", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_with_a_sweep_is_said_where_it_is(name: str) -> None:
    document, pointer, said = BAD[name]
    found = faults(document)
    assert any(at == pointer and said in message for at, message in found), found


def test_what_a_way_to_stop_can_be_is_listed_where_it_is_missing() -> None:
    with pytest.raises(SpecError) as caught:
        load_sweep(json.dumps(sweep(prune={})))
    (fault,) = caught.value.faults
    assert (fault.pointer, fault.expected) == ("/sweep/prune", 'one of "median", "halving", "hyperband"')


@pytest.mark.parametrize("text", ["epochs <", "epochs > 100", "epoch < 3"])
def test_a_fault_of_a_constraint_has_its_text(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        checked(sweep(constraints=[text]))
    (fault,) = caught.value.faults
    assert fault.found == json.dumps(text)


@pytest.mark.parametrize(
    "parameter", [{"min": 1, "max": 9, "step": 2}, {"min": 0.1, "max": 0.7, "step": 0.2}, {"min": 0.0, "max": 1.0}]
)
def test_a_step_that_reaches_the_end_is_one_and_takes_what_it_draws(parameter: dict[str, Any]) -> None:
    space = checked(spaced(parameter, "/model/spec/tie_both_bad_epsilon")).space
    (only,) = space.parameters.values()
    place = "/model/spec/tie_both_bad_epsilon"
    assert all(space.takes(place, value) for value in only.stepped() or [0.3])
    assert not space.takes(place, parameter["max"] + 2)
    assert not parameter.get("step") or not space.takes(place, parameter["min"] + parameter["step"] / 2)


def test_a_constraint_that_few_meet_is_one() -> None:
    checked(spaced({"min": 4, "max": 64}, constraints=["model.spec.k_factor < 4.5"]))
    checked(spaced([2, 4], "/epochs", constraints=["epochs == 4", "epochs > 3"]))


@pytest.mark.parametrize("place", ["/data/seed", "/data/validation_split", "/data/max_samples"])
def test_trials_that_are_measured_on_other_rows_are_told_of(place: str) -> None:
    values = {"/data/seed": [1, 2], "/data/validation_split": [0.2, 0.3], "/data/max_samples": [500, 600]}[place]
    (warning,) = checked(sweep(space={place: values, "/epochs": [2, 3]})).warnings
    assert "held-out rows" in warning.message and warning.pointer.endswith(place.replace("/", "~1"))
    assert not checked(sweep()).warnings


def test_every_fault_is_told_at_once() -> None:
    found = faults(sweep(name="a b", method="gird", trials=0, constraints=[""]))
    assert {at for at, _ in found} == {"/sweep/name", "/sweep/method", "/sweep/trials", "/sweep/constraints/0"}


@pytest.mark.parametrize(
    "words",
    [
        {"low": 1e-5, "high": 1e-3, "type": "float"},  # the sweeps of a trainer that ignored them
        {"lower": 1e-5, "upper": 1e-3, "space": "loguniform"},  # Ludwig
        {"min": 1e-5, "max": 1e-3, "distribution": "log_uniform_values"},  # W&B
        {"min": 1e-5, "max": 1e-3, "log": True},
    ],
)
def test_ranges_in_the_words_of_other_programs_are_ranges(words: dict[str, Any]) -> None:
    loaded = load_sweep(json.dumps(spaced(words, "model.spec.tie_both_bad_epsilon")))
    (parameter,) = loaded.sweep.space.values()
    assert not isinstance(parameter, list)
    assert (parameter.min, parameter.max) == (1e-5, 1e-3)
    assert parameter.log == any("log" in str(word) for word in [*words, *words.values()])
    told = {fault.pointer.rpartition("/")[2] for fault in loaded.warnings}
    assert told == set(words) - {"min", "max", "log", "type"}, "what was another program's is said"


def test_backends_and_counts_in_other_words() -> None:
    words = {"name": "x", "backend": "optuna", "n_trials": 7, "parameters": {"/epochs": [1, 2]}}
    loaded = load_sweep(json.dumps({"sweep": words, "base": BASE}))
    assert (loaded.sweep.method, loaded.sweep.trials) == ("tpe", 7)
    assert len(loaded.warnings) >= 2
    ray = faults({"sweep": {"name": "x", "backend": "ray", "space": {"/epochs": [1, 2]}}, "base": BASE})
    assert ray[0][0] == "/sweep/backend"


def test_a_range_of_whole_ends_is_of_whole_numbers_only_where_the_field_is() -> None:
    found = checked(sweep(space={"/epochs": {"min": 1, "max": 5}, "model.spec.k_factor": {"min": 4, "max": 64}}))
    assert found.space.parameters["/epochs"].whole
    assert not found.space.parameters["/model/spec/k_factor"].whole


def test_a_base_is_found_beside_the_sweep(tmp_path: Any) -> None:
    (tmp_path / "base.json").write_text(json.dumps(BASE))
    loaded = load_sweep(json.dumps(sweep("base.json")), folder=tmp_path)
    assert loaded.base.kind == "elo_scoring"


def test_a_sweep_asks_once_where_its_trials_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def find(name: str | None = None) -> Any:
        asked.append(name)
        raise EnvironmentProblem("no Docker Engine answers")

    monkeypatch.setattr(image_lookup, "find", find)
    found = checked(sweep(method="random"))
    assert len(found.tried) > 1
    plan_each(found, Workspace.below(tmp_path), None)
    assert asked == [None]


def test_an_object_and_a_place_inside_it_are_both_varied() -> None:
    kinds = [{"model_type": "elo_scoring", "min_model_occurrences": 1, "k_factor": 9.0}]
    space = {PLACE: [4.0, 8.0], "model.spec": kinds}
    found = checked(sweep(method="grid", space=space))
    assert found.space.parameters["/model/spec"].values == kinds
    made = {child.loaded.spec.model.spec.k_factor for child in found.tried if len(child.values) == 2}  # type: ignore[union-attr]
    assert made == {4.0, 8.0}


def test_the_spec_of_one_training_is_told_from_a_sweep() -> None:
    assert faults(BASE) == [("", "this is the spec of one training, and no sweep train it: runner train --spec-file "
                                 "<sweep>; or write it as `base` of a sweep")]  # fmt: skip
