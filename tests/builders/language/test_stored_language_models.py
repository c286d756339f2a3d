"""What is stored of a language model: its ecosystem loads it with the same answers, whatever was trained."""

from __future__ import annotations

import json
import shutil
import warnings
from dataclasses import replace

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from runner import registry
from runner.errors import IntegrityError, NotFoundError, RunnerError
from tests.builders.language.conftest import ROWS, loaded, weights

METHODS = [
    {"method": "full"},
    {"method": "last_layers", "num_layers": 1},
    {"method": "lora", "rank": 4},
    {"method": "dora", "rank": 4},
    {"method": "rslora", "rank": 4},
    {"method": "ia3"},
]


def logits(model, folder) -> torch.Tensor:
    ids = AutoTokenizer.from_pretrained(folder)(
        "<|im_start|>user\nWhat is 3?<|im_end|>\n", return_tensors="pt"
    ).input_ids
    with torch.no_grad():
        return model.eval()(input_ids=ids).logits


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method["method"])
@pytest.mark.slow
@pytest.mark.warm
def test_every_method_learns_and_stands_alone(trained, base, method):
    result, context = trained("sft", context={"epochs": 2}, finetuning_spec=method)
    assert result.metrics["loss"] < result.tables["baselines"]["rows"][0][1]
    plain = AutoModelForCausalLM.from_pretrained(context.artifact)
    own = registry.load("sft").Predictor.load(context.artifact)
    torch.testing.assert_close(logits(plain, context.artifact), logits(own.model, context.artifact))
    assert json.loads((context.artifact / "config.json").read_text())["dtype"] == "float32"
    changed = {name for name, value in weights(context.artifact).items() if not torch.equal(value, weights(base)[name])}
    assert changed
    if method["method"] == "last_layers":
        assert not any("layers.0." in name or "embed" in name for name in changed)


@pytest.mark.slow
@pytest.mark.warm
@pytest.mark.parametrize("method", METHODS[2:], ids=lambda method: method["method"])
def test_an_adapter_alone_is_what_peft_loads(trained, base, method, tmp_path):
    from peft import PeftModel

    _, context = trained("sft", context={"epochs": 2}, finetuning_spec=method, save_as="adapter")
    assert not (context.artifact / "model.safetensors").exists()
    modules = json.loads((context.artifact / "adapter_config.json").read_text())["target_modules"]
    assert modules == sorted(modules), "a set's order is another one in every process"
    plain = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), context.artifact)
    own = registry.load("sft").Predictor.load(context.artifact, cache=tmp_path)
    torch.testing.assert_close(logits(plain, base), logits(own.model, base))
    _, whole = trained("sft", "whole", context={"epochs": 2}, finetuning_spec=method)
    merged = AutoModelForCausalLM.from_pretrained(whole.artifact)
    torch.testing.assert_close(logits(merged, base), logits(own.model, base), atol=1e-4, rtol=1e-4)


def test_an_adapter_beside_another_base_is_refused(trained, base, tmp_path):
    _, context = trained("sft", context={"epochs": 1}, finetuning_spec={"method": "lora"}, save_as="adapter")
    document = json.loads((context.artifact / "language_model.json").read_text())
    document["base"]["files"]["model.safetensors"] = "0" * 64
    (context.artifact / "language_model.json").write_text(json.dumps(document))
    with pytest.raises(IntegrityError) as caught:
        registry.load("sft").Predictor.load(context.artifact, cache=tmp_path)
    assert caught.value.hint
    document["base"]["name"] = "sft/gone/v1"
    (context.artifact / "language_model.json").write_text(json.dumps(document))
    with pytest.raises(NotFoundError, match="trained beside sft/gone/v1, which is not here") as caught:
        registry.load("sft").Predictor.load(context.artifact, cache=tmp_path)
    assert "put the base back" in caught.value.hint


@pytest.mark.parametrize("bits", [True, False])
@pytest.mark.filterwarnings("error::FutureWarning")
def test_quantised_weights_train_beside_adapters_and_no_library_warns(trained, bits):
    compute = {"bnb_4bit_compute_dtype": "float32"} if bits else {}
    method = {"method": "qlora", "rank": 4, "load_in_4bit": bits} | compute
    result, context = trained("sft", context={"epochs": 2}, finetuning_spec=method)
    assert result.metrics["loss"] < result.tables["baselines"]["rows"][0][1]
    AutoModelForCausalLM.from_pretrained(context.artifact)


def test_a_method_without_layers_for_it_is_refused_by_its_place(trained):
    for method, where in (
        ({"method": "bitfit"}, "/model/spec/finetuning_spec/method"),
        ({"method": "last_layers", "num_layers": 9}, "/model/spec/finetuning_spec/num_layers"),
        ({"method": "lora", "target_modules": ["nothing"]}, "/model/spec/finetuning_spec/target_modules"),
    ):
        with pytest.raises(RunnerError) as caught:
            trained("sft", finetuning_spec=method)
        assert caught.value.where == where and caught.value.hint


@pytest.mark.parametrize("method", [METHODS[0], METHODS[2]], ids=lambda method: method["method"])
def test_a_reward_model_is_a_classifier_of_one_label_for_transformers(trained, method):
    _, context = trained("reward", context={"epochs": 2}, finetuning_spec=method)
    plain = AutoModelForSequenceClassification.from_pretrained(context.artifact)
    own = registry.load("reward").Predictor.load(context.artifact)
    torch.testing.assert_close(logits(plain, context.artifact), logits(own.model, context.artifact))
    assert plain.config.num_labels == 1


def test_a_stored_model_is_trained_on_and_is_the_reference(trained, context_for, tmp_path):
    import math

    _, first = trained("sft", "first", context={"epochs": 2}, finetuning_spec={"method": "lora"}, save_as="adapter")
    context = context_for(loaded(ROWS["dpo"]()), "second", epochs=1, batch_size=4, start_from=first.artifact)
    spec = registry.load("dpo").Spec.model_validate_json(
        json.dumps({"model_type": "dpo", "base_model_name": "runner/tiny-llama", "max_length": 128})
    )
    result = registry.load("dpo").train(spec, context)
    assert result.tables["baselines"]["rows"][0][1] == pytest.approx(math.log(2), abs=1e-5)


@pytest.mark.slow
@pytest.mark.warm
@pytest.mark.parametrize("below", ["whole", "adapter"])
@pytest.mark.parametrize("kind", ["dpo", "reward"])
def test_an_adapter_beside_a_stored_model_is_opened_from_the_store(trained, context_for, tmp_path, below, kind):
    method = {"finetuning_spec": {"method": "lora", "rank": 4}}
    _, first = trained("sft", "first", context={"epochs": 1}, **method, save_as=below)
    store = tmp_path / "store"
    stored = shutil.copytree(first.artifact, store / "sft" / "first" / "v3")
    document = {"model_type": kind, "base_model_name": "sft/first", "max_length": 128, "save_as": "adapter"} | method
    context = replace(
        context_for(loaded(ROWS[kind]()), "second", epochs=1, batch_size=4), stored={"base_model_name": stored}
    )
    builder = registry.load(kind)
    result = builder.train(builder.Spec.model_validate_json(json.dumps(document)), context)
    assert result.metrics["n_train"] == 9

    above = shutil.copytree(context.artifact, store / kind / "second" / "v1")
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        opened = builder.Predictor.load(above, cache=tmp_path / "cache")
    assert opened.model.peft_config["default"].base_model_name_or_path == "sft/first/v3"
    file = next(stored.glob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(IntegrityError, match="beside another sft/first/v3"):
        builder.Predictor.load(above, cache=tmp_path / "cache")
