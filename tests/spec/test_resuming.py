import copy

import pytest

from runner.errors import ConflictError
from runner.spec.checking import load_object
from runner.spec.resume_contract import compare, refuse


def changes(document, change):
    other = copy.deepcopy(document)
    change(other)
    return compare(load_object(document).spec, load_object(other).spec)


def test_what_did_not_change_is_no_change(document):
    assert changes(document, lambda other: other.update({"log": {"print_every": 1}, "$schema": "x"})) == []


@pytest.mark.parametrize(
    ("change", "pointer", "policy"),
    [
        (lambda d: d.update(epochs=9), "/epochs", "free"),
        (lambda d: d.update(log={"print_every": 3}), "/log/print_every", "free"),
        (lambda d: d.update(run={"memory": "4g"}), "/run/memory", "free"),
        (lambda d: d.update(wandb={"project": "p"}), "/wandb", "free"),
        (lambda d: d["model"].update(name="other"), "/model/name", "warn"),
        (lambda d: d["data"].update(seed=1), "/data/seed", "refuse"),
        (lambda d: d["model"]["spec"].update(k_factor=8), "/model/spec/k_factor", "refuse"),
    ],
)
def test_each_field_says_what_its_change_means(document, change, pointer, policy):
    (found,) = changes(document, change)
    assert (found.pointer, found.policy) == (pointer, policy)
    if policy == "refuse":
        with pytest.raises(ConflictError, match=pointer):
            refuse([found])
    else:
        refuse([found])


def test_a_refusal_names_both_values(document):
    with pytest.raises(ConflictError, match=r"/model/spec/k_factor: 16.0 -> 8.0") as caught:
        refuse(changes(document, lambda d: d["model"]["spec"].update(k_factor=8)))
    assert caught.value.where == "/model/spec/k_factor"


def test_batch_size_is_refused_where_it_means_something(document):
    document["model"]["spec"] = {"model_type": "simple_scoring", "optimizer": {"optimizer_type": "adam"}}
    (found,) = changes(document, lambda d: d.update(batch_size=64))
    assert (found.pointer, found.policy) == ("/batch_size", "refuse")


def test_another_kind_is_one_change(document):
    found = changes(document, lambda d: d["model"].update(spec={"model_type": "least_squares_scoring"}))
    assert ("/model/spec", "refuse") in [(change.pointer, change.policy) for change in found]


def test_another_optimizer_is_told_field_by_field(document):
    document["model"]["spec"] = {"model_type": "simple_scoring", "optimizer": {"optimizer_type": "adam"}}
    found = changes(document, lambda d: d["model"]["spec"]["optimizer"].update(optimizer_type="adamw"))
    assert [change.pointer for change in found] == [
        "/model/spec/optimizer/optimizer_type",
        "/model/spec/optimizer/weight_decay",
    ]


NETWORK = {"model_type": "dense_network", "early_stopping": {"patience": 3}}


@pytest.mark.parametrize(
    ("spec", "change", "pointer", "policy"),
    [
        ({}, {"early_stopping": {"patience": 9}}, "/model/spec/early_stopping/patience", "warn"),
        ({}, {"early_stopping": None}, "/model/spec/early_stopping", "warn"),
        ({}, {"schedule": {"schedule_type": "linear"}}, "/model/spec/schedule", "refuse"),
        (
            {"schedule": {"schedule_type": "linear"}},
            {"schedule": {"schedule_type": "linear", "final_fraction": 0.5}},
            "/model/spec/schedule/final_fraction",
            "refuse",
        ),
    ],
)
def test_a_schedule_stays_and_the_patience_may_change(document, spec, change, pointer, policy):
    document["model"]["spec"] = NETWORK | spec
    (found,) = changes(document, lambda d: d["model"]["spec"].update(change))
    assert (found.pointer, found.policy) == (pointer, policy)


@pytest.mark.parametrize(
    ("schedule", "policy"),
    [
        ({"schedule_type": "cosine"}, "refuse"),
        ({"schedule_type": "constant", "warmup_ratio": 0.1}, "refuse"),
        ({"schedule_type": "constant", "warmup_steps": 10}, "free"),
        (None, "free"),
    ],
)
def test_a_schedule_over_all_steps_keeps_their_number(document, schedule, policy):
    document["model"]["spec"] = NETWORK | {"schedule": schedule}
    (found,) = changes(document, lambda d: d.update(epochs=9))
    assert (found.pointer, found.policy) == ("/epochs", policy)
