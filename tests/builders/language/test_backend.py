"""What trains the weights: Unsloth where it can, the plain road where it cannot and why, and the stamp of either.

Unsloth cannot be installed where there is no GPU. A module stands in for it that loads with transformers and PEFT, at
the one place where it is imported; and the one function that asks what the GPU can do is told that there is one.
"""

from __future__ import annotations

import json
import shutil
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import pytest
import torch

from runner.builders.language._models import fast_backend
from runner.contract import Processes
from runner.errors import ConflictError, EnvironmentProblem
from runner.execution import resumed_stamp
from runner.spec.checking import load_object
from runner.store.replay_lock import ReplayLock
from tests.builders.language.conftest import ROWS, loaded, weights
from tests.examples import example
from tests.holding import held_copy

LORA = {"method": "lora", "rank": 4, "dropout": 0.0}
KINDS = ("causal_lm", "sft", "dpo", "orpo", "kto")


class StandIn:
    """Unsloth's two functions, by the libraries that it is built on. What it was asked for is kept."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def from_pretrained(self, **words: Any) -> tuple[Any, Any]:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.asked.append(words)
        folder = words["model_name"]
        return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32), AutoTokenizer.from_pretrained(folder)

    def get_peft_model(self, model: Any, **words: Any) -> Any:
        from peft import LoraConfig, get_peft_model

        self.asked.append(words)
        torch.manual_seed(words.pop("random_state"))
        words.pop("use_gradient_checkpointing")
        return get_peft_model(model.requires_grad_(False), LoraConfig(task_type="CAUSAL_LM", **words))


@pytest.fixture
def unsloth(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    standing = StandIn()
    module = ModuleType("unsloth")
    module.__spec__ = ModuleSpec("unsloth", None)
    module.FastLanguageModel = standing  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "unsloth", module)
    monkeypatch.setattr(fast_backend, "gpu_fault", lambda device: None)
    return standing


def stamp(context: Any) -> dict[str, Any]:
    (told,) = context.emit.of("stamp")
    return dict(told)


@pytest.mark.slow
def test_unsloth_trains_where_it_is_and_what_is_stored_is_as_ever(unsloth, trained):
    fast, context = trained("sft", "fast", backend="unsloth", finetuning_spec=LORA, save_as="adapter")
    loading, adapting = unsloth.asked
    assert loading["trust_remote_code"] is False and loading["load_in_4bit"] is False
    assert loading["max_seq_length"] == 128
    assert (adapting["r"], adapting["lora_alpha"], adapting["lora_dropout"]) == (4, 32, 0.0)
    told = stamp(context)
    assert told["why"] is None
    assert told["stamp"]["backend"] == "unsloth"
    assert told["stamp"]["adapter"]["r"] == 4 and "q_proj" in told["stamp"]["adapter"]["targets"]
    plain, other = trained("sft", "plain", backend="plain", finetuning_spec=LORA, save_as="adapter")
    assert stamp(other)["stamp"]["backend"] == "plain"
    assert weights(context.artifact).keys() == weights(other.artifact).keys()
    assert fast.metrics["loss"] == pytest.approx(plain.metrics["loss"], rel=0.05)


@pytest.mark.slow
def test_auto_takes_unsloth_where_it_can_and_says_why_where_it_cannot(unsloth, trained):
    _, context = trained("sft", "can", backend="auto", finetuning_spec=LORA)
    assert stamp(context)["stamp"]["backend"] == "unsloth"
    unsloth.asked.clear()
    _, context = trained("sft", "cannot", backend="auto")
    told = stamp(context)
    assert told["stamp"]["backend"] == "plain" and told["stamp"]["adapter"] is None
    assert "finetuning_spec.method is full" in told["why"]
    assert not unsloth.asked


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"finetuning_spec": {"method": "dora"}}, "dora"),
        ({"finetuning_spec": {"method": "qlora", "load_in_4bit": False}}, "4 bits"),
        ({"finetuning_spec": {"method": "qlora", "bnb_4bit_quant_type": "fp4"}}, "nf4"),
        ({"packing": "packed"}, "packed rows"),
        ({"precision": "float32"}, "float32"),
        ({"neftune_noise_alpha": 5.0}, "neftune_noise_alpha"),
    ],
)
def test_what_unsloth_cannot_do_is_said_and_refused_where_it_was_asked_for(unsloth, spec, context_for, fields, why):
    context = context_for(loaded(ROWS["sft"]()), "run", epochs=1, batch_size=4)
    fields = {"finetuning_spec": LORA} | fields
    found = fast_backend.choose(spec("sft", backend="auto", **fields), context, "tokens")
    assert found.name == "plain" and why in found.why
    with pytest.raises(EnvironmentProblem, match=why) as refused:
        fast_backend.choose(spec("sft", backend="unsloth", **fields), context, "tokens")
    assert refused.value.where == "/model/spec/backend" and '"auto"' in refused.value.hint


def test_without_unsloth_and_without_a_gpu_it_is_said_which(spec, context_for, monkeypatch):
    context = context_for(loaded(ROWS["sft"]()), "run", epochs=1, batch_size=4)
    asked = spec("sft", backend="auto", finetuning_spec=LORA)
    monkeypatch.setattr(fast_backend, "find_spec", lambda name: None)
    assert "not installed" in fast_backend.choose(asked, context, "tokens").why
    monkeypatch.setattr(fast_backend, "find_spec", lambda name: ModuleSpec(name, None))
    assert "on a CPU" in fast_backend.choose(asked, context, "tokens").why


def test_several_processes_are_not_unsloths(unsloth, spec, context_for):
    class Two(Processes):
        count = 2

    context = context_for(loaded(ROWS["sft"]()), "run", epochs=1, batch_size=4)
    context.processes = Two()
    assert "several" in fast_backend.choose(spec("sft", backend="auto", finetuning_spec=LORA), context, "tokens").why


def test_a_model_that_unsloth_does_not_load_is_told_of_at_the_field(unsloth, spec, context_for, base, monkeypatch):
    def none(**words: Any) -> Any:
        raise NotImplementedError("Unsloth: tiny is not supported yet!")

    monkeypatch.setattr(unsloth, "from_pretrained", none)
    context = context_for(loaded(ROWS["sft"]()), "run", epochs=1, batch_size=4)
    asked = spec("sft", backend="unsloth", finetuning_spec=LORA)
    with pytest.raises(EnvironmentProblem, match="not supported yet") as refused:
        fast_backend.load(asked, context, base, lambda model: None, torch.bfloat16)
    assert refused.value.where == "/model/spec/backend"


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_that_unsloth_can_train_have_the_field_and_begin_without_it(spec, kind):
    assert spec(kind).backend == "plain"
    assert spec(kind, backend="auto").backend == "auto"


@pytest.mark.parametrize("kind", ["grpo", "reward", "distillation"])
def test_other_kinds_refuse_it_by_name(kind):
    own = {"model_type": kind, "base_model_name": "a/b", "backend": "auto"}
    with pytest.raises(Exception, match="backend"):
        load_object({"model": {"name": "m", "spec": own}, "data": {"dataset": "sample"}})


STAMP = {
    "backend": "plain",
    "backend_version": None,
    "precision": "float32",
    "base": "a" * 64,
    "template": "b" * 64,
    "data": "c" * 64,
    "adapter": {"type": "LORA", "r": 4, "targets": ["q_proj", "v_proj"]},
}


@pytest.mark.parametrize(
    ("part", "value", "pointer"),
    [
        ("backend", "unsloth", "/model/spec/backend"),
        ("precision", "bfloat16", "/model/spec/precision"),
        ("base", "d" * 64, "/model/spec/base_model_name"),
        ("template", None, "/model/spec/chat/template"),
        ("data", "e" * 64, "/data"),
        ("adapter", {"type": "LORA", "r": 8, "targets": ["q_proj", "v_proj"]}, "/model/spec/finetuning_spec"),
    ],
)
def test_a_resumed_run_with_another_stamp_is_refused_by_pointer(part, value, pointer):
    with pytest.raises(ConflictError) as refused:
        resumed_stamp.check(STAMP, STAMP | {part: value})
    assert refused.value.where == pointer and pointer in refused.value.message


def test_every_difference_of_a_stamp_is_told_at_once_and_none_of_a_run_that_begins():
    with pytest.raises(ConflictError) as refused:
        resumed_stamp.check(STAMP, STAMP | {"backend": "unsloth", "base": None})
    assert "/model/spec/backend" in refused.value.message and "/model/spec/base_model_name" in refused.value.message
    resumed_stamp.check({}, STAMP)
    resumed_stamp.check(STAMP, STAMP | {"backend_version": "2"})
    resumed_stamp.check(STAMP, STAMP | {"data": "f" * 64}, data_may_differ=True)


def test_a_lock_keeps_the_stamp_and_one_without_is_written_as_ever():
    lock = ReplayLock(seed=1, stamp=STAMP)
    assert ReplayLock.from_document(lock.to_document()) == lock
    assert "stamp" not in ReplayLock(seed=1).to_document()


@pytest.mark.slow
@pytest.mark.warm
def test_a_run_whose_base_has_another_template_by_now_is_not_gone_on_with(desk, base):
    """Its file is the same name and other text: the spec alone does not show it."""
    folder = desk.home / "base"
    shutil.copytree(base, folder)
    document = example("sft") | {"epochs": 3, "run": {"executor": "local"}}
    document["model"]["spec"]["base_model_name"] = "./base"
    process, run = held_copy(desk, "train", "--spec-file", desk.write("spec.json", document))
    desk("runs", "stop", run.name).ok()
    assert process.wait(300) == 75
    lock = json.loads((run / "lock.json").read_text())
    assert lock["stamp"]["backend"] == "plain" and lock["stamp"]["template"]
    template = folder / "chat_template.jinja"
    template.write_text(template.read_text() + "{# another #}")
    refused = desk("train", "--resume", "last", "--json")
    assert refused.code == 5 and refused.json["where"] == "/model/spec/chat/template"
    template.write_text(template.read_text().removesuffix("{# another #}"))
    done = desk("train", "--resume", "last", "--json").ok()
    (manifest,) = (desk.home / "models").glob("sft/*/v1/manifest.json")
    assert done.json and json.loads(manifest.read_text())["lock"]["stamp"] == lock["stamp"]
