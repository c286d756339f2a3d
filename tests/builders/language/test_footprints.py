"""What a training is said to take before it runs: as many parameters as are loaded, and less where less is kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner import registry
from runner.builders.language._models import base_model
from runner.contract import Footprint, FootprintContext
from runner.errors import DataError
from tests.builders.language.conftest import ROWS, loaded

Asked = Callable[..., Footprint]


@pytest.fixture
def asked(spec, tmp_path) -> Asked:
    """The estimate of a kind: ``asked("sft", max_length=64)``."""

    def ask(kind: str, context: dict[str, Any] | None = None, **fields: Any) -> Footprint:
        known = {
            "data": loaded(ROWS[kind]()), "epochs": 1, "batch_size": 4, "seed": 0, "device": "cpu", "start_from": None,
            "cache": tmp_path, "emit": lambda *_, **__: None,
        } | (context or {})  # fmt: skip
        estimate = registry.estimator(kind)
        assert estimate is not None
        return estimate(spec(kind, **fields), FootprintContext(**known))

    return ask


def peak(found: Footprint) -> int:
    """Of a training step: measuring takes the same whatever is trained."""
    return found.figures["memory"]["phases"]["training a step"]


@pytest.mark.slow
@pytest.mark.warm
@pytest.mark.parametrize("kind", sorted(ROWS))
def test_every_kind_says_what_its_training_takes(asked, kind):
    found = asked(kind)
    figures = found.figures
    assert found.memory == figures["memory"]["peak"] == max(figures["memory"]["phases"].values())
    assert sum(figures["memory"]["parts"].values()) == found.memory
    assert figures["trainable_share"] == 1
    assert figures["tokens_from"] == "rows"
    assert figures["flops"] > 6 * figures["parameters"]
    assert [table.name for table in found.tables] == ["work", "memory"]
    json.dumps(found.as_dict())


METHODS: dict[str, dict[str, Any]] = {
    **{name: {"method": name} for name in ("full", "lora", "dora", "rslora", "ia3", "qlora")},
    "last_layers": {"method": "last_layers", "num_layers": 1},
    "8 bit": {"method": "qlora", "load_in_4bit": False},
}


@pytest.mark.slow
@pytest.mark.warm
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["sft", "reward"])
def test_parameters_are_as_many_as_are_loaded(asked, spec, context_for, kind, method):
    fields = {"finetuning_spec": METHODS[method]}
    made, context = spec(kind, **fields), context_for(loaded(ROWS[kind]()), "run")
    head = "score" if kind == "reward" else "tokens"
    model = base_model.load(made, context, base_model.find(made, context), head).model
    # A 4-bit weight holds two numbers.
    packed = {name for name, parameter in model.named_parameters() if type(parameter).__name__ == "Params4bit"}
    sizes = {name: parameter.numel() * (2 if name in packed else 1) for name, parameter in model.named_parameters()}
    found = asked(kind, **fields).figures
    assert found["parameters"] == sum(sizes.values())
    trained = (name for name, parameter in model.named_parameters() if parameter.requires_grad)
    assert found["trainable_parameters"] == sum(sizes[name] for name in trained)


@pytest.mark.slow
@pytest.mark.warm
def test_less_is_needed_where_less_is_kept(asked):
    full = asked("sft")
    memory = full.figures["memory"]
    assert memory["peak_with_gradient_checkpointing"] <= memory["peak_without_gradient_checkpointing"]
    assert peak(asked("sft", gradient_checkpointing=True)) < peak(full)
    assert peak(asked("sft", context={"batch_size": 1}, gradient_accumulation=4)) < peak(full)
    lora = asked("sft", finetuning_spec={"method": "lora", "rank": 1, "target_modules": ["q_proj"]})
    assert lora.figures["trainable_parameters"] < full.figures["trainable_parameters"]
    assert asked("sft", max_length=40).figures["tokens_per_step"] < full.figures["tokens_per_step"]


@pytest.mark.slow
@pytest.mark.warm
def test_the_best_weights_count_from_the_first_measurement_that_a_step_follows(asked):
    once, twice = asked("sft"), asked("sft", context={"epochs": 2})
    last = asked("sft", context={"epochs": 2}, keep="last")
    weights = 4 * once.figures["parameters"]
    assert peak(twice) - peak(once) == pytest.approx(weights, abs=64)
    assert peak(last) == peak(once)


def test_rows_that_are_not_here_are_as_long_as_they_may_be(asked):
    found = asked("sft", context={"data": None}, max_length=128, max_steps=7)
    assert found.figures["tokens_from"] == "max_length"
    assert found.figures["tokens_per_step"] == 4 * 128
    assert found.figures["steps"] == 7
    assert any("max_length" in note for note in found.notes)


@pytest.mark.slow
@pytest.mark.warm
def test_what_is_not_counted_of_asked_tasks_is_told(asked):
    told = "what answering the tasks of evaluation takes"
    assert any(told in note for note in asked("sft", evaluation={"tasks": ["sums.json"]}).notes)
    assert not any(told in note for note in asked("sft").notes)


@pytest.mark.slow
@pytest.mark.warm
def test_of_a_model_of_the_hub_the_configuration_is_enough(asked, base, tmp_path, monkeypatch):
    snapshot = tmp_path / "hub/models--some--model/snapshots/0123"
    snapshot.mkdir(parents=True)
    shutil.copyfile(Path(base) / "config.json", snapshot / "config.json")
    (tmp_path / "hub/models--some--model/refs").mkdir()
    (tmp_path / "hub/models--some--model/refs/main").write_text("0123")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    found = asked("sft", base_model_name="some/model")
    assert found.figures["parameters"] == asked("sft").figures["parameters"]
    assert found.figures["tokens_from"] == "max_length"


def test_a_method_without_layers_is_refused_as_the_training_refuses_it(asked):
    from runner.errors import DataError

    with pytest.raises(DataError, match="bitfit trains biases"):
        asked("sft", finetuning_spec={"method": "bitfit"})


def test_rows_of_which_nothing_would_be_learned_are_refused_as_the_training_refuses_them(asked):
    with pytest.raises(DataError) as caught:
        asked("sft", loss_on={"system": 1})
    assert "nothing would be learned" in caught.value.message
    assert caught.value.hint == "another loss_on, or rows with answers"
    with pytest.raises(DataError) as caught:
        asked("sft", max_length=8)
    assert caught.value.hint == "a greater max_length"


@pytest.mark.slow
@pytest.mark.warm
def test_steps_that_learn_again_from_the_same_answers_are_counted(asked):
    # Of the prompts that are learned the last step is filled up, and each step is taken twice.
    steps = -(-len(loaded(ROWS["ppo"]()).train) // 4)
    found = asked("ppo", {"batch_size": 4, "epochs": 3}, passes=2)
    assert found.figures["steps"] == steps * 2 * 3
    assert asked("ppo", {"batch_size": 4, "epochs": 3}, passes=2, max_steps=7).figures["steps"] == 7
