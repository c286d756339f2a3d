"""What each fine-tuning method trains: exactly that, counted from the configuration, and nothing else moves."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from runner.errors import DataError
from runner.training import finetuning_methods
from runner.training.finetuning_specs import FinetuningSpec
from tests.training.tiny_models import INNER, LAYERS, POSITIONS, VOCABULARY, WIDTH, model

READ: Any = TypeAdapter(FinetuningSpec)

#: Of one BERT layer: the inputs and outputs of its linear layers, its biases, all its parameters.
LINEAR = [(WIDTH, WIDTH)] * 4 + [(WIDTH, INNER), (INNER, WIDTH)]
BIASES = sum(out for _, out in LINEAR) + 2 * WIDTH
LAYER = sum(into * out for into, out in LINEAR) + BIASES + 2 * WIDTH
EMBEDDINGS = (VOCABULARY + POSITIONS + 2) * WIDTH + 2 * WIDTH


def spec(method: str, **fields: Any) -> Any:
    return READ.validate_python({"method": method, **fields})


def prepared(kind: str, method: str, **fields: Any) -> Any:
    """A tiny model with the method applied, as an encoder has it: without the head for pairs."""
    made = model(kind)
    if getattr(made, "pooler", None) is not None:
        made.pooler = None
    finetuning_methods.apply(made, spec(method, **fields), "/model/spec/finetuning_spec")
    return made


def count(made: Any) -> int:
    return sum(parameter.numel() for parameter in finetuning_methods.trained(made).values())


@pytest.mark.slow
@pytest.mark.warm
@pytest.mark.parametrize(
    ("method", "fields", "expected"),
    [
        ("lora", {"rank": 4}, LAYERS * sum(4 * (into + out) for into, out in LINEAR)),
        ("lora", {"rank": 2, "target_modules": ["query", "value"]}, LAYERS * 2 * 2 * (WIDTH + WIDTH)),
        ("lora", {"rank": 2, "target_modules": ["attention.output.dense"]}, LAYERS * 2 * (WIDTH + WIDTH)),
        ("last_layers", {}, 2 * LAYER),
        ("last_layers", {"num_layers": LAYERS}, LAYERS * LAYER),
        ("bitfit", {}, WIDTH + LAYERS * BIASES),
        ("full", {}, EMBEDDINGS + LAYERS * LAYER),
    ],
)
def test_a_method_trains_as_many_parameters_as_it_should(method, fields, expected):
    assert count(prepared("bert", method, **fields)) == expected


@pytest.mark.parametrize(
    ("method", "fields"),
    [("lora", {"rank": 4}), ("last_layers", {"num_layers": 1}), ("bitfit", {}), ("full", {})],
)
def test_what_trains_moves_and_what_is_frozen_stays_bit_for_bit(method, fields):
    made = prepared("bert", method, **fields)
    trains = set(finetuning_methods.trained(made))
    before = {name: parameter.detach().clone() for name, parameter in made.named_parameters()}
    optimizer = torch.optim.AdamW(made.parameters(), 1e-2, weight_decay=0.1)
    ids = torch.arange(24).reshape(2, 12)
    for step in range(3):
        made.train()
        loss = (made(input_ids=(ids + step) % VOCABULARY).last_hidden_state - 1).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    moved = {name for name, parameter in made.named_parameters() if not torch.equal(parameter, before[name])}
    assert moved == trains


def test_the_last_layers_are_the_last():
    names = set(finetuning_methods.trained(prepared("bert", "last_layers", num_layers=1)))
    assert {name.split(".")[2] for name in names} == {str(LAYERS - 1)}


@pytest.mark.parametrize(
    ("kind", "layer", "behind"),
    [
        ("bert", "encoder.layer.2.", set()),
        ("roberta", "encoder.layer.2.", set()),
        ("mpnet", "encoder.layer.2.", set()),
        ("distilbert", "transformer.layer.2.", set()),
        ("llama", "layers.2.", {"norm.weight"}),
        ("qwen2", "layers.2.", {"norm.weight"}),
    ],
)
def test_the_layers_are_found_in_every_layout(kind, layer, behind):
    made = prepared(kind, "last_layers", num_layers=1)
    names = set(finetuning_methods.trained(made))
    expected = {name for name, _ in made.named_parameters() if name.startswith(layer)}
    assert expected and names == expected | behind


@pytest.mark.parametrize("kind", ["bert", "roberta", "mpnet", "distilbert", "llama", "qwen2"])
def test_auto_puts_an_adapter_beside_every_linear_layer_of_the_layers(kind):
    linear = [n for n, m in model(kind).named_modules() if isinstance(m, torch.nn.Linear) and "pooler" not in n]
    adapted = {name.split(".lora_")[0] for name in finetuning_methods.trained(prepared(kind, "lora"))}
    assert adapted == set(linear)
    assert len(linear) == LAYERS * (7 if kind in ("llama", "qwen2") else 6)


def test_an_adapter_starts_without_effect():
    plain, adapted = model("bert"), prepared("bert", "lora")
    ids = torch.arange(5, 15)[None]
    with torch.no_grad():
        one, other = (made.eval()(input_ids=ids).last_hidden_state for made in (plain, adapted))
    assert torch.equal(one, other)


def test_alpha_over_rank_scales_the_adapters():
    small, large = (prepared("bert", "lora", rank=4, alpha=alpha, dropout=0) for alpha in (4, 8))
    for made in (small, large):
        made.eval()
        for name, parameter in finetuning_methods.trained(made).items():
            torch.manual_seed(len(name))
            with torch.no_grad():
                parameter.normal_()
    x = torch.ones(1, WIDTH)
    query = "encoder.layer.0.attention.self.query"
    one, two = (made.get_submodule(query)(x) - made.get_submodule(query).base_layer(x) for made in (small, large))
    torch.testing.assert_close(two, 2 * one)


@pytest.mark.parametrize(
    ("kind", "method", "fields", "place", "message", "hint"),
    [
        ("bert", "last_layers", {"num_layers": 4}, "num_layers", "a bert model has 3", "at most 3"),
        ("llama", "bitfit", {}, "method", "a llama model has none", "lora"),
        ("albert", "last_layers", {}, "method", "no list", "lora"),
        ("bert", "lora", {"target_modules": ["query", "q_proj"]}, "target_modules", "called q_proj", "query"),
    ],
)
def test_what_a_model_does_not_have_is_told_at_its_place(kind, method, fields, place, message, hint):
    with pytest.raises(DataError, match=message) as caught:
        prepared(kind, method, **fields)
    assert caught.value.where == f"/model/spec/finetuning_spec/{place}"
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("lora", {"rank": 16, "alpha": 32, "dropout": 0.05, "target_modules": "auto"}),
        ("qlora", {"rank": 16, "load_in_4bit": True, "bnb_4bit_compute_dtype": "float16",
                   "bnb_4bit_quant_type": "nf4"}),
        ("last_layers", {"num_layers": 2}),
        ("bitfit", {"method": "bitfit"}),
        ("full", {"method": "full"}),
    ],
)  # fmt: skip
def test_the_documented_defaults(method, expected):
    assert spec(method).model_dump().items() >= expected.items()


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("lora", {"rank": 0}), ("lora", {"target_modules": []}), ("lora", {"target_modules": "all"}),
        ("lora", {"load_in_4bit": True}), ("lora", {"dropout": 1.0}), ("qlora", {"bnb_4bit_quant_type": "int4"}),
        ("last_layers", {"num_layers": 0}), ("bitfit", {"rank": 4}), ("prefix", {}),
    ],
)  # fmt: skip
def test_what_a_method_does_not_take(method, fields):
    with pytest.raises(ValidationError):
        spec(method, **fields)
