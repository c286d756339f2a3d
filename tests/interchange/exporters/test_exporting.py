"""Specs as other programs' configurations, and back: what both can say comes back as it was."""

import copy
import json

import pytest
import yaml

from runner.errors import UsageError
from runner.interchange import importing
from runner.interchange.exporters.exporting import KINDS, export
from runner.spec.checking import load_object

ADAPTER = {"method": "lora", "rank": 12, "alpha": 24, "dropout": 0.1, "target_modules": ["q_proj", "v_proj"]}
PAIRS = [(target, kind) for target, kinds in KINDS.items() for kind in kinds]


def spec(kind, target):
    own = {
        "model_type": kind,
        "base_model_name": "some-org/small",
        "finetuning_spec": ADAPTER,
        "precision": "bfloat16",
        "optimizer": {"optimizer_type": "adamw", "learning_rate": 0.0002, "weight_decay": 0.02, "betas": [0.9, 0.95]},
        "schedule": {"schedule_type": "cosine", "warmup_ratio": 0.05},
        "gradient_accumulation": 3,
        "gradient_checkpointing": True,
        "max_grad_norm": 0.5,
        "keep": "last",
        "save_as": "adapter",
        "seed": 5,
        "evaluation": {"every": 20},
    }
    if kind != "grpo":
        own["max_length"] = 777
    if kind in ("dpo", "kto", "orpo"):
        own["beta"] = 0.3
    if kind == "kto":
        own |= {"desirable_weight": 2.0, "undesirable_weight": 0.5}
    if kind == "dpo":
        own |= {"loss_type": "hinge"}
    if kind == "sft":
        own |= {"packing": "packed", "loss_on": "assistant"}
    if kind == "grpo":
        own |= {
            "group_size": 4,
            "max_new_tokens": 50,
            "temperature": 0.9,
            "beta": 0.01,
            "clip_range": 0.3,
            "passes": 2,
            "rewards": {"short": {"reward_type": "length", "target": 9}},
        }
    return {
        "model": {"name": "mine", "spec": own},
        "data": {"dataset": "rows.jsonl", "validation_split": 0.1},
        "epochs": 2,
        "batch_size": 6,
    }


def back(target, kind, made, tmp_path):
    name = f"{target}:{kind}" if target == "trl" else target
    for file, content in made.files.items():
        (tmp_path / file).write_text(json.dumps(content))
    return importing.import_data(yaml.safe_dump(made.config).encode(), "x.yaml", name, cwd=tmp_path)


@pytest.mark.parametrize(("target", "kind"), [pair for pair in PAIRS if pair[1] != "grpo"])
def test_what_both_can_say_comes_back_as_it_was(target, kind, tmp_path):
    loaded = load_object(spec(kind, target))
    made = export(loaded, target)
    assert not made.lost
    report = back(target, kind, made, tmp_path)
    assert not [entry.key for entry in report.entries if entry.outcome == "unknown"]
    assert not report.to_add
    assert load_object(report.spec).spec.model_dump() == loaded.spec.model_dump()


def test_grpo_comes_back_but_for_its_rewards(tmp_path):
    given = spec("grpo", "trl")
    made = export(load_object(given), "trl")
    assert [entry.key for entry in made.lost if "rewards" in entry.key]
    report = back("trl", "grpo", made, tmp_path)
    own = report.spec["model"]["spec"]
    assert {
        name: own[name] for name in ("group_size", "max_new_tokens", "temperature", "beta", "clip_range", "passes")
    } == {
        "group_size": 4,
        "max_new_tokens": 50,
        "temperature": 0.9,
        "beta": 0.01,
        "clip_range": 0.3,
        "passes": 2,
    }


@pytest.mark.parametrize(("target", "kind"), PAIRS)
def test_every_field_is_reported_once(target, kind):
    given = spec(kind, target)
    made = export(load_object(given), target)
    keys = [entry.key for entry in made.entries]
    assert len(keys) == len(set(keys))
    for pointer in (
        "/model/name",
        "/model/spec/model_type",
        "/model/spec/optimizer/learning_rate",
        "/data/dataset",
        "/epochs",
        "/batch_size",
    ):
        assert pointer in keys


@pytest.mark.parametrize("target", KINDS)
def test_what_the_other_program_has_not_is_told_of(target):
    given = spec("sft", target)
    given["model"]["spec"]["losses"] = {"focal": {"gamma": 1.0}}
    given["model"]["spec"]["optimizer"] = {"optimizer_type": "adam", "learning_rate": 0.1}
    given["data"]["group_column"] = "who"
    lost = {entry.key for entry in export(load_object(given), target).lost}
    assert {"/model/spec/losses/focal/gamma", "/model/spec/optimizer/optimizer_type", "/data/group_column"} <= lost


@pytest.mark.parametrize("target", KINDS)
def test_models_and_data_that_come_with_runner_alone_are_told_of(target):
    given = spec("sft", target)
    given["model"]["spec"]["base_model_name"] = "runner/tiny-llama"
    given["data"] = {"dataset": "sample"}
    lost = {entry.key for entry in export(load_object(given), target).lost}
    assert {"/model/spec/base_model_name", "/data/dataset"} <= lost


def test_a_kind_that_they_do_not_train():
    with pytest.raises(UsageError, match="llamafactory trains no grpo"):
        export(load_object(spec("grpo", "trl")), "llamafactory")
    with pytest.raises(UsageError) as caught:
        export(load_object(spec("sft", "trl")), "axolotel")
    assert caught.value.hint == "did you mean 'axolotl'?"


def test_llama_factorys_data_are_told_of_beside_it(tmp_path):
    given = copy.deepcopy(spec("sft", "llamafactory"))
    given["data"] = {
        "dataset": "rows/talks.jsonl",
        "columns": {"messages": "talk", "role": "who"},
        "validation_data": "rows/held.jsonl",
    }
    made = export(load_object(given), "llamafactory")
    info = made.files["dataset_info.json"]
    assert info["talks"]["columns"] == {"messages": "talk"}
    assert info["talks"]["tags"]["role_tag"] == "who"
    assert made.config["eval_dataset"] == "talks_validation"
    assert back("llamafactory", "sft", made, tmp_path).spec["data"] == given["data"] | {
        "columns": {"messages": "talk", "role": "who", "content": "content"}
    }
