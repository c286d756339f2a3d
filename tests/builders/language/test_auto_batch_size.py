"""`batch_size: "auto"`: as many rows at a time as there is memory for, and the same step however many they are."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import LlamaForCausalLM

from runner.errors import OutOfMemory, Stopped
from runner.spec import resume_contract
from runner.spec.checking import load
from tests.builders.language.conftest import steps, weights
from tests.examples import example


@pytest.fixture
def room(monkeypatch) -> Callable[..., list[int]]:
    """Give the model room for so many rows a training pass, after ``passes`` that have room for all.

    What is given are the rows that passes were asked for.
    """

    forward = LlamaForCausalLM.forward

    def give(count: int, error: BaseException | None = None, passes: int = 0) -> list[int]:
        asked: list[int] = []

        def with_room(self: Any, input_ids: torch.Tensor, **words: Any) -> Any:
            if torch.is_grad_enabled():
                asked.append(len(input_ids))
                if len(input_ids) > count and len(asked) > passes:
                    # What was drawn before memory was short is drawn again.
                    torch.rand(7)
                    raise error or torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
            return forward(self, input_ids, **words)

        monkeypatch.setattr(LlamaForCausalLM, "forward", with_room)
        return asked

    return give


def warnings(context: Any) -> list[str]:
    return [event["message"] for event in context.emit if event["event"] == "warning" and "rows" in event["message"]]


AUTO = {"context": {"batch_size": 2, "at_once": 8}, "gradient_accumulation": 4}


@pytest.mark.parametrize(
    "error",
    [None, MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")],
    ids=["GPU", "Python", "CPU"],
)
def test_rows_at_a_time_are_halved_until_there_is_memory_for_them(trained, room, error):
    asked = room(3, error)
    result, context = trained("sft", **AUTO)
    assert asked[:3] == [8, 4, 2]
    assert max(asked[3:]) == 2
    assert result.parameters == {"rows_at_once": 2}
    assert len(warnings(context)) == 2


def test_the_step_is_that_of_a_training_that_began_with_so_few(trained, room):
    """Dropout too: nothing that was drawn in a pass that failed is missed."""
    lora = {"finetuning_spec": {"method": "lora", "dropout": 0.3}}
    few, its = trained("sft", "few", **AUTO | {"context": {"batch_size": 2, "at_once": 2}}, **lora)
    room(2)
    found, context = trained("sft", "found", **AUTO, **lora)
    assert found.metrics == few.metrics
    ours, theirs = weights(context.artifact), weights(its.artifact)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_the_loss_is_that_of_the_whole_step_at_once(trained, room):
    _, whole = trained("dpo", "whole", **AUTO)
    room(4)
    _, found = trained("dpo", "found", **AUTO)
    assert warnings(found)
    for ours, theirs in zip(steps(found), steps(whole), strict=True):
        assert ours["metrics"]["train_loss"] == pytest.approx(theirs["metrics"]["train_loss"], abs=1e-5)


def test_a_resumed_training_goes_on_with_what_was_found(trained, room):
    fields = AUTO | {"evaluation": {"every": 1}}
    asked = room(2)
    whole, its = trained("sft", "whole", **fields)
    begun = len(asked)
    ending = AUTO["context"] | {"stop_requested": lambda: len(asked) > begun + 5}
    with pytest.raises(Stopped):
        trained("sft", "part", **fields | {"context": ending})
    del asked[:]
    resumed, context = trained("sft", "part", **fields)
    assert max(asked) == 2
    assert not warnings(context)
    assert resumed.metrics == whole.metrics
    ours, theirs = weights(context.artifact), weights(its.artifact)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_one_row_that_is_too_much_ends_the_training(trained, room):
    room(0)
    with pytest.raises(OutOfMemory, match="out of memory at step 1: CUDA out of memory") as told:
        trained("sft", **AUTO)
    assert "batch_size" not in told.value.hint and "max_length" in told.value.hint


def test_a_number_is_kept_to(trained, room):
    room(3)
    with pytest.raises(OutOfMemory, match="at step 1") as told:
        trained("sft", gradient_checkpointing=True)
    assert '"auto"' in told.value.hint and "gradient_checkpointing" not in told.value.hint


def test_a_step_without_memory_is_told_and_what_was_learned_before_it_is_gone_on_from(trained, room):
    whole, its = trained("sft", "whole", evaluation={"every": 1})
    room(0, passes=3)
    with pytest.raises(OutOfMemory, match="out of memory at step 4: ") as told:
        trained("sft", "part", evaluation={"every": 1})
    assert told.value.where == "/batch_size"
    assert '"gradient_checkpointing": true takes less, and a run that is resumed may change that' in told.value.hint
    asked = room(99)
    resumed, _ = trained("sft", "part", evaluation={"every": 1}, gradient_checkpointing=True)
    assert 0 < len(asked) < len(steps(its))
    assert resumed.metrics["loss"] == pytest.approx(whole.metrics["loss"], abs=1e-5)


def test_what_takes_less_memory_may_be_changed_when_a_run_goes_on():
    document = example("sft")
    before, after = load(json.dumps(document)).spec, copy.deepcopy(document)
    after["model"]["spec"]["gradient_checkpointing"] = True
    (change,) = resume_contract.compare(before, load(json.dumps(after)).spec)
    assert (change.pointer, change.policy) == ("/model/spec/gradient_checkpointing", "free")


def test_a_spec_may_leave_it_to_the_training_where_the_kind_can(desk):
    auto = example("sft", batch_size="auto")
    desk("validate", "-", stdin=json.dumps(auto)).ok()
    for document in (example("dense_network", batch_size="auto"), auto | {"run": {"processes": 2, "gpus": 0}}):
        refused = desk("validate", "-", stdin=json.dumps(document))
        assert refused.code == 3
        assert "/batch_size" in refused.out + refused.err


@pytest.mark.slow
@pytest.mark.warm
def test_what_was_found_is_in_the_models_manifest(desk):
    document = example("sft", batch_size="auto")
    document["model"]["spec"] |= {"gradient_accumulation": 8, "max_steps": 1}
    done = desk("train", "--executor", "local", "--json", stdin=json.dumps(document)).ok().json
    manifest = json.loads((desk.home / done["path"] / "manifest.json").read_text())
    assert manifest["parameters"] == {"rows_at_once": 16}
