"""Schedules: their formula by step, their warm-up, what is refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from runner.errors import DataError
from runner.training.gradient_training import GradientTraining
from runner.training.optimizers import Muon, make
from runner.training.schedules import ScheduleSpec, check_length, factor, needs_length, warmup_steps

SPECS: Any = TypeAdapter(ScheduleSpec)


def read(schedule_type: str, **fields: Any) -> Any:
    return SPECS.validate_json(json.dumps({"schedule_type": schedule_type} | fields), strict=True)


def faults(**fields: Any) -> list[tuple[tuple[Any, ...], str]]:
    with pytest.raises(ValidationError) as refused:
        GradientTraining.model_validate_json(json.dumps(fields))
    return [(fault["loc"], fault["msg"]) for fault in refused.value.errors()]


@pytest.mark.parametrize("warmup", [0, 1, 7, 40])
@pytest.mark.parametrize(
    ("schedule_type", "theirs"),
    [
        ("constant", "get_constant_schedule_with_warmup"),
        ("linear", "get_linear_schedule_with_warmup"),
        ("cosine", "get_cosine_schedule_with_warmup"),
    ],
)
def test_every_step_after_the_warm_up_has_the_rate_that_transformers_gives_it(schedule_type, theirs, warmup):
    from transformers import optimization

    steps = 40
    total = {} if schedule_type == "constant" else {"num_training_steps": steps}
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    reference = getattr(optimization, theirs)(optimizer, num_warmup_steps=warmup, **total)
    ours = read(schedule_type, warmup_steps=warmup)
    for step in range(steps):
        expected = 0.3 * (step + 1) / warmup if step < warmup else reference.get_last_lr()[0]
        assert 0.3 * factor(ours, step, steps) == pytest.approx(expected, abs=1e-12)
        optimizer.step()
        reference.step()


@pytest.mark.parametrize("schedule_type", ["linear", "cosine"])
def test_the_final_fraction_is_what_is_left_at_the_end(schedule_type):
    schedule = read(schedule_type, final_fraction=0.2, warmup_ratio=0.1)
    assert factor(schedule, 10, 100) == 1.0
    assert factor(schedule, 55, 100) == pytest.approx(0.6)
    assert factor(schedule, 100, 100) == factor(schedule, 1000, 100) == pytest.approx(0.2)


def test_the_warm_up_is_a_number_of_steps_or_a_share_of_them():
    assert warmup_steps(read("linear"), 30) == 0
    assert warmup_steps(read("linear", warmup_steps=12), 30) == 12
    assert warmup_steps(read("linear", warmup_ratio=0.05), 30) == 2
    assert [factor(read("constant", warmup_steps=2), step, 9) for step in range(4)] == [0.5, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("schedule_type", ["constant", "linear", "cosine"])
@pytest.mark.parametrize("warm_up", [{"warmup_steps": 1}, {"warmup_ratio": 0.1}, {"warmup_steps": 4}])
def test_no_step_of_a_warm_up_has_a_rate_of_nothing(schedule_type, warm_up):
    schedule = read(schedule_type, **warm_up)
    for steps in (1, 2, 4, 30):
        if warmup_steps(schedule, steps) <= steps:
            check_length(schedule, steps, "/model/spec/schedule")
            assert all(factor(schedule, step, steps) > 0 for step in range(steps))


def test_a_warm_up_is_given_once_and_is_no_longer_than_the_training():
    schedule = {"schedule_type": "cosine", "warmup_steps": 3, "warmup_ratio": 0.1}
    ((place, message),) = faults(schedule=schedule)
    assert (place[0], place[-1]) == ("schedule", "warmup_ratio")
    assert "leave one of them out" in message
    check_length(read("cosine", warmup_steps=30), 30, "/model/spec/schedule")
    with pytest.raises(DataError, match="31 steps is longer than the training, which has 30") as refused:
        check_length(read("cosine", warmup_steps=31), 30, "/model/spec/schedule")
    assert refused.value.where == "/model/spec/schedule/warmup_steps"
    assert "at most 30" in (refused.value.hint or "")


@pytest.mark.parametrize(
    "fields",
    [
        {"schedule_type": "polynomial"},
        {"schedule_type": "constant", "final_fraction": 0.1},
        {"schedule_type": "linear", "final_fraction": 1.1},
        {"schedule_type": "linear", "warmup_steps": -1},
        {"schedule_type": "linear", "warmup_steps": 1.5},
        {"schedule_type": "linear", "warmup_ratio": 1},
        {},
    ],
)
def test_what_is_no_schedule_is_refused(fields):
    assert faults(schedule=fields)


@pytest.mark.parametrize("schedule_type", ["linear", "cosine"])
@pytest.mark.parametrize("optimizer_type", ["adam", "adamw", "muon"])
def test_two_decays_at_once_are_refused_at_the_optimizers(schedule_type, optimizer_type):
    optimizer = {"optimizer_type": optimizer_type, "lr_decay_gamma": 0.9}
    ((place, message),) = faults(optimizer=optimizer, schedule={"schedule_type": schedule_type})
    assert place == ("optimizer", "lr_decay_gamma")
    assert f"the schedule {schedule_type} lowers the learning rate already" in message


def test_a_constant_schedule_warms_up_a_decay_by_epoch():
    section = GradientTraining.model_validate_json(
        '{"optimizer": {"optimizer_type": "adam", "lr_decay_gamma": 0.9}, "schedule": {"schedule_type": "constant"}}'
    )
    assert section.optimizer.lr_decay_gamma == 0.9


def test_only_what_counts_the_steps_fixes_their_number():
    assert not needs_length(None)
    assert not needs_length(read("constant", warmup_steps=5))
    assert needs_length(read("constant", warmup_ratio=0.5))
    assert needs_length(read("linear"))


def test_both_rates_of_muon_follow():
    net = torch.nn.Linear(3, 2)
    optimizer = make(Muon(optimizer_type="muon", learning_rate=0.02, adamw_lr=0.001), net.named_parameters())
    optimizer.follow(0.25)
    assert [group["lr"] for part in optimizer.parts for group in part.param_groups] == [0.005, 0.00025]
    assert optimizer.state()[1] == {"learning_rates": [[0.02], [0.001]]}
    optimizer.follow(0.5)
    assert optimizer.learning_rate == 0.01
