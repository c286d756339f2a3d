"""What a spec asks of its base model is looked for in the files beside the weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.contract import ModelSpec
from runner.spec.checking import load_object

METHOD = "/model/spec/finetuning_spec"
GPT2 = {"h.0.attn.c_attn.weight": [8, 24], "h.0.mlp.c_fc.weight": [8, 32], "wte.weight": [90, 8], "h.0.ln_1.bias": [8]}


def folder_of(at: Path, config: dict[str, Any], weights: dict[str, list[int]], tokenizer: dict[str, Any]) -> Path:
    head = json.dumps(
        {name: {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]} for name, shape in weights.items()}
    )
    (at / "config.json").write_text(json.dumps(config))
    (at / "model.safetensors").write_bytes(len(head).to_bytes(8, "little") + head.encode())
    (at / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    return at


def spec(**fields: Any) -> ModelSpec:
    section = {"model_type": "sft", "base_model_name": "any", "max_length": 64} | fields
    found = load_object({"model": {"name": "m", "spec": section}, "data": {"dataset": "sample"}}).spec.model.spec
    assert isinstance(found, ModelSpec)
    return found


def lora(*targets: str) -> dict[str, Any]:
    return {"finetuning_spec": {"method": "lora", "target_modules": list(targets)}}


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({}, []),
        ({"max_length": 65}, ["/model/spec/max_length"]),
        ({"finetuning_spec": {"method": "last_layers", "num_layers": 4}}, [f"{METHOD}/num_layers"]),
        ({"finetuning_spec": {"method": "bitfit"}}, []),
        (lora("c_attn"), []),
        # The file leaves out what all names of the model begin with.
        (lora("transformer.h.0.attn.c_attn", "lm_head"), []),
        (lora("attn"), [f"{METHOD}/target_modules"]),
        (lora("ln_1", "c_fc") | {"max_length": 99}, ["/model/spec/max_length", f"{METHOD}/target_modules"]),
    ],
)  # fmt: skip
def test_what_the_base_cannot_do_is_told_by_its_files(tmp_path, fields, pointers):
    config = {"model_type": "gpt2", "n_positions": 64, "n_layer": 3}
    base = folder_of(tmp_path, config, GPT2, {"chat_template": "{{ messages }}"})
    assert [fault.pointer for fault in spec(**fields).misfits({"base_model_name": base})] == pointers
    assert spec(**fields).misfits({}) == []


def test_a_template_is_asked_of_the_tokenizer_only_where_it_is_to_write(tmp_path):
    base = folder_of(tmp_path, {"model_type": "other"}, {}, {})
    (fault,) = spec().misfits({"base_model_name": base})
    assert fault.pointer == "/model/spec/chat/template" and "chatml" in (fault.hint or "")
    assert spec(chat={"template": "chatml"}).misfits({"base_model_name": base}) == []
    (base / "chat_template.jinja").write_text("{{ messages }}")
    assert spec().misfits({"base_model_name": base}) == []


@pytest.mark.parametrize("text", ["", "[1]", "{", "\xff"])
def test_files_that_cannot_be_read_say_nothing(tmp_path, text):
    base = folder_of(tmp_path, {}, {}, {"chat_template": "x"})
    for name in ("config.json", "model.safetensors"):
        (base / name).write_bytes(text.encode("latin-1"))
    assert spec(**lora("none"), max_length=10_000).misfits({"base_model_name": base}) == []
