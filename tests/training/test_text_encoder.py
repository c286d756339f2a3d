"""The transformer that trains: the frozen encoder until it does, alone when stored, quantised the same again."""

from __future__ import annotations

import builtins
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from runner.errors import DataError, EnvironmentProblem, IntegrityError
from runner.store.tensors import read_tensors, write_tensors
from runner.training.finetuning_specs import FinetuningSpec
from runner.training.pretrained import resolve
from runner.training.sentence_encoder import Encoder
from runner.training.text_encoder import TRAINED, TrainableEncoder
from runner.training.tokens import MEGA, Tokens, grouped_by_length
from tests.training.tiny_models import folder

#: Long together, and none of them alone.
pytestmark = [pytest.mark.slow, pytest.mark.warm]

READ: Any = TypeAdapter(FinetuningSpec)
TEXTS = [
    "hello world",
    "What is the world?",
    "",
    "a b c d e f g " * 30,
    "zzz unknown",
    "the\nof\tand",
    "é 日本",
    "\ud800",
]
METHODS = [
    {"method": "lora", "rank": 4},
    {"method": "qlora", "rank": 4},
    {"method": "qlora", "rank": 4, "load_in_4bit": False},
    {"method": "qlora", "rank": 4, "bnb_4bit_quant_type": "fp4", "bnb_4bit_compute_dtype": "bfloat16"},
    {"method": "last_layers", "num_layers": 1},
    {"method": "bitfit"},
    {"method": "full"},
]
every_method = pytest.mark.parametrize("fields", METHODS, ids=lambda fields: "-".join(map(str, fields.values())))


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder(tmp_path_factory.mktemp("pretrained") / "bert")


def load(place: Path, fields: dict[str, Any], max_length: int = 20, seed: int = 1, **words: Any) -> TrainableEncoder:
    torch.manual_seed(seed)
    return TrainableEncoder.load(place, READ.validate_python(fields), "cpu", max_length, **words)


def bits(encoder: TrainableEncoder) -> dict[str, Any]:
    return {name: parameter.detach().clone() for name, parameter in encoder.model.named_parameters()}


def learn(encoder: TrainableEncoder, steps: int = 3) -> None:
    encoder.train()
    optimizer = torch.optim.AdamW(encoder.trained().values(), 1e-2)
    tokens = encoder.tokenize(TEXTS)
    for _ in range(steps):
        loss = (encoder(*encoder.batch(tokens, np.arange(len(TEXTS)))) - 1).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    encoder.eval()


@every_method
def test_it_learns_and_is_the_same_when_read_from_its_folder_alone(bert, tmp_path, fields):
    pretrained = Path(shutil.copytree(bert, tmp_path / "pretrained"))
    encoder = load(pretrained, fields)
    before, was = encoder.encode(TEXTS, 3), bits(encoder)
    trains = set(encoder.trained())
    learn(encoder)
    moved = {name for name, value in bits(encoder).items() if not torch.equal(value, was[name])}
    assert moved == trains
    after = encoder.encode(TEXTS, 3)
    assert np.abs(after - before).max() > 1e-3

    encoder.save(tmp_path / "saved")
    shutil.rmtree(pretrained)
    again = TrainableEncoder.stored(tmp_path / "saved")
    assert (again.encode(TEXTS, 3) == after).all()
    assert (again.spec, again.max_length) == (encoder.spec, encoder.max_length)
    assert set(again.trained()) == trains
    again.save(tmp_path / "twice")
    for path in (tmp_path / "saved").iterdir():
        assert (tmp_path / "twice" / path.name).read_bytes() == path.read_bytes(), path.name


@every_method
def test_only_what_was_trained_is_stored_beside_the_pretrained_files(bert, tmp_path, fields):
    encoder = load(bert, fields)
    learn(encoder, 1)
    encoder.save(tmp_path / "saved")
    names = {path.name for path in (tmp_path / "saved").iterdir()}
    assert {path.suffix for path in (tmp_path / "saved").iterdir()} <= {".json", ".safetensors", ".txt"}
    weights = (tmp_path / "saved" / "model.safetensors").read_bytes()
    if fields["method"] == "full":
        assert TRAINED not in names
        assert weights != (bert / "model.safetensors").read_bytes()
    else:
        assert weights == (bert / "model.safetensors").read_bytes()
        assert set(read_tensors(tmp_path / "saved" / TRAINED)) == set(encoder.trained())


@pytest.mark.parametrize("mode", ["mean", "cls", "lasttoken", "max", ["cls", "mean"]])
def test_untrained_it_is_the_sentence_encoder(tmp_path, mode):
    place = folder(tmp_path / "model", pooling_mode=mode)
    modules = json.loads((place / "modules.json").read_text())
    modules.append({"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"})
    (place / "modules.json").write_text(json.dumps(modules))
    (place / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 20, "do_lower_case": True}))
    encoder, frozen = load(place, {"method": "full"}), Encoder.load(place)
    assert encoder.width == frozen.width
    np.testing.assert_allclose(encoder.encode(TEXTS, 3), frozen.encode(TEXTS), atol=2e-6)


def test_a_decoder_reads_too(tmp_path):
    place = folder(tmp_path / "model", "llama", pooling_mode="lasttoken")
    encoder = load(place, {"method": "lora"})
    np.testing.assert_allclose(encoder.encode(TEXTS, 3), Encoder.load(place).encode(TEXTS), atol=2e-6)
    learn(encoder)


def test_quantised_weights_are_near_the_pretrained_ones_and_the_same_each_time(bert):
    frozen = Encoder.load(bert).encode(TEXTS)
    four, again = (load(bert, {"method": "qlora"}).encode(TEXTS) for _ in range(2))
    eight = load(bert, {"method": "qlora", "load_in_4bit": False}).encode(TEXTS)
    assert (four == again).all()
    assert 0 < np.abs(eight - frozen).max() < np.abs(four - frozen).max() < 0.1


@pytest.mark.parametrize("fields", METHODS[1:4], ids=lambda fields: "-".join(map(str, fields.values())))
def test_quantised_a_text_s_vector_does_not_depend_on_its_batch(bert, fields):
    encoder = load(bert, fields)
    learn(encoder)
    many = encoder.encode(TEXTS, 8)
    np.testing.assert_allclose(np.concatenate([encoder.encode([text]) for text in TEXTS]), many, atol=2e-6)


@pytest.mark.parametrize("fields", METHODS[1:4], ids=lambda fields: "-".join(map(str, fields.values())))
def test_a_processor_that_packs_four_bits_trains_and_scores_as_any_other(bert, tmp_path, fields, monkeypatch):
    """The library would pack the weights of layers of 16 and 32 outputs, and can pack only the latter."""
    from bitsandbytes.nn import modules

    vectors = {}
    for packs in (False, True):
        monkeypatch.setattr(modules, "has_avx512bf16", lambda packs=packs: packs)
        encoder = load(bert, fields)
        untrained = encoder.encode(TEXTS, 3)
        torch.manual_seed(3)  # of the dropout
        learn(encoder, 1)
        encoder.save(tmp_path / str(packs))
        stored = TrainableEncoder.stored(tmp_path / str(packs)).encode(TEXTS, 3)
        vectors[packs] = [untrained, encoder.encode(TEXTS, 3), stored]
    np.testing.assert_array_equal(vectors[True], vectors[False])


def test_eight_bit_products_and_gradients_are_those_of_the_weights_they_stand_for(bert):
    encoder = load(bert, {"method": "qlora", "load_in_4bit": False})
    plain = load(bert, {"method": "full"})
    name = "encoder.layer.0.intermediate.dense"
    layer, whole = encoder.model.get_submodule(name).base_layer, plain.model.get_submodule(name)
    weight = layer.weight.data.float() * layer.weight.SCB[:, None] / 127
    # 127 steps on either side of 0, by the row.
    assert ((weight - whole.weight).abs() <= whole.weight.abs().amax(1, keepdim=True) / 127).all()
    x = torch.randn(2, 3, 16, requires_grad=True)
    (one,) = torch.autograd.grad(layer(x).pow(2).sum(), x)
    expected = torch.nn.functional.linear(x, weight, layer.bias)
    (other,) = torch.autograd.grad(expected.pow(2).sum(), x)
    torch.testing.assert_close(layer(x), expected)
    torch.testing.assert_close(one, other)


def test_float16_on_a_cpu_is_float32_and_said_so(bert):
    told: list[dict[str, Any]] = []

    def emit(event: str, **words: Any) -> None:
        told.append({"event": event, **words})

    half = load(bert, {"method": "qlora"}, emit=emit)
    assert [(e["event"], e["pointer"]) for e in told] == [
        ("warning", "/model/spec/finetuning_spec/bnb_4bit_compute_dtype")
    ]
    single = load(bert, {"method": "qlora", "bnb_4bit_compute_dtype": "float32"}, emit=emit)
    coarse = load(bert, {"method": "qlora", "bnb_4bit_compute_dtype": "bfloat16"}, emit=emit)
    assert len(told) == 1

    def learning(encoder: TrainableEncoder) -> Any:
        torch.manual_seed(5)  # of the dropout
        return encoder.train()(*encoder.batch(encoder.tokenize(TEXTS), np.arange(len(TEXTS)))).detach()

    assert torch.equal(learning(half), learning(single))
    assert not torch.equal(learning(half), learning(coarse))
    # What is scored is computed in float32 whatever it was trained in.
    assert (half.encode(TEXTS) == coarse.encode(TEXTS)).all()


def test_without_bitsandbytes_it_says_what_to_do(bert, monkeypatch):
    real = builtins.__import__

    def refuse(name: str, *words: Any) -> Any:
        if name == "bitsandbytes":
            raise ImportError("No module named 'bitsandbytes'")
        return real(name, *words)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(EnvironmentProblem, match="qlora needs bitsandbytes") as caught:
        TrainableEncoder.load(bert, READ.validate_python({"method": "qlora"}), "cpu", 20)
    assert caught.value.where == "/model/spec/finetuning_spec/method"
    assert "lora" in caught.value.hint


def test_texts_are_cut_at_max_length_and_the_model_bounds_it(bert):
    assert load(bert, {"method": "full"}, max_length=7).tokenize(TEXTS).lengths.max() == 7
    with pytest.raises(DataError, match="at most 64 tokens") as caught:
        load(bert, {"method": "full"}, max_length=65, where="/model/spec/embedding_spec")
    assert caught.value.where == "/model/spec/embedding_spec/max_length"


def test_roberta_has_fewer_tokens_than_positions(tmp_path):
    place = folder(tmp_path / "model", "roberta")
    with pytest.raises(DataError, match="at most 63 tokens"):
        load(place, {"method": "full"}, max_length=64)
    load(place, {"method": "full"}, max_length=63).encode(["a " * 80])


def test_what_is_no_stored_encoder_is_refused(bert, tmp_path):
    with pytest.raises(IntegrityError, match="not a fine-tuned encoder"):
        TrainableEncoder.stored(bert)
    encoder = load(bert, {"method": "bitfit"})
    encoder.save(tmp_path / "saved")
    tensors = read_tensors(tmp_path / "saved" / TRAINED)
    tensors.pop(next(iter(tensors)))
    write_tensors(tmp_path / "saved" / TRAINED, tensors)
    with pytest.raises(IntegrityError, match="not those of this encoder"):
        TrainableEncoder.stored(tmp_path / "saved")


def test_encoding_leaves_the_mode_and_needs_no_gradient(bert):
    encoder = load(bert, {"method": "lora"}).train()
    first = encoder.encode(TEXTS)
    assert encoder.training and (encoder.encode(TEXTS) == first).all()
    assert encoder.encode([]).shape == (0, 16)
    np.testing.assert_allclose(first, np.concatenate([encoder.encode([text]) for text in TEXTS]), atol=2e-6)


# Tokens.


def test_tokens_are_padded_at_the_right_and_masked():
    tokens = Tokens.of([[5, 6, 7], [8], [9, 1]])
    ids, mask = tokens.padded(np.array([1, 0, 1]), padding=0)
    assert ids.tolist() == [[8, 0, 0], [5, 6, 7], [8, 0, 0]]
    assert mask.tolist() == [[1, 0, 0], [1, 1, 1], [1, 0, 0]]
    assert len(tokens) == 3 and tokens.lengths.tolist() == [3, 1, 2]


@pytest.mark.parametrize("n", [1, 7, 32, 1000])
def test_grouped_rows_are_the_drawn_rows_in_batches_of_similar_length(n):
    lengths = np.random.default_rng(0).integers(1, 200, n)
    drawn = np.random.default_rng(5).integers(0, n, n)  # with repeats, as a balanced draw has
    size = 8

    def order(rng: np.random.Generator) -> np.ndarray:
        rng.random()
        return drawn

    grouped = grouped_by_length(order, lengths, size)
    rows = grouped(np.random.default_rng([3, 1]))
    assert sorted(rows) == sorted(drawn)
    assert (rows == grouped(np.random.default_rng([3, 1]))).all()
    if n == 1000:
        assert not (rows == grouped(np.random.default_rng([3, 2]))).all()

        def padded(order: np.ndarray) -> int:
            return sum(lengths[order[at : at + size]].max() * len(order[at : at + size]) for at in range(0, n, size))

        assert padded(rows) < 1.1 * lengths[drawn].sum() < padded(drawn)
        # The batches come in no order of length, and a whole one is from one stretch of the draw.
        longest = [lengths[rows[at : at + size]].max() for at in range(0, n - size, size)]
        assert longest != sorted(longest, reverse=True)
        assert MEGA * size < n


# The real one.


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"method": "lora"}, 6 * 16 * (4 * (384 + 384) + 2 * (384 + 1536))),
        ({"method": "qlora"}, 6 * 16 * (4 * (384 + 384) + 2 * (384 + 1536))),
        ({"method": "last_layers"}, 2 * (4 * (384 * 384 + 384) + 2 * 384 * 1536 + 1536 + 384 + 4 * 384)),
        ({"method": "bitfit"}, 384 + 6 * (4 * 384 + 1536 + 384 + 2 * 384)),
        ({"method": "full"}, 30522 * 384 + 512 * 384 + 2 * 384 + 2 * 384
         + 6 * (4 * (384 * 384 + 384) + 2 * 384 * 1536 + 1536 + 384 + 4 * 384)),
    ],
    ids=lambda value: value["method"] if isinstance(value, dict) else "",
)  # fmt: skip
def test_a_real_encoder_trains_what_its_method_says(tmp_path, fields, expected):
    place = resolve("all-MiniLM-L6-v2")
    encoder = load(place, fields, max_length=64)
    assert sum(parameter.numel() for parameter in encoder.trained().values()) == expected
    texts = ["What is the capital of France?", "Write a haiku.", "long " * 100]
    before = encoder.encode(texts)
    if fields["method"] != "qlora":
        np.testing.assert_allclose(before[:2], Encoder.load(place).encode(texts[:2]), atol=3e-6)
    else:
        assert ((before[:2] * Encoder.load(place).encode(texts[:2])).sum(axis=1) > 0.95).all()
    was, trains = bits(encoder), set(encoder.trained())
    learn(encoder, 2)
    assert {name for name, value in bits(encoder).items() if not torch.equal(value, was[name])} == trains
    after = encoder.encode(texts)
    encoder.save(tmp_path / "saved")
    assert (TrainableEncoder.stored(tmp_path / "saved").encode(texts) == after).all()
