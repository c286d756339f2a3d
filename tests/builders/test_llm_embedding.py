"""Vectors of LLMs from their pairs: what the three types learn, and how they are stored, extended and resumed."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from runner.builders.routing._fields.embedding_specs import Attention, EmbeddingSpec, Finetunable, Frozen
from runner.builders.routing._llms.llm_embedding import FIELD, FOLDER, LlmEmbedding, obtain
from runner.builders.routing._llms.llm_pairs import Pairs
from runner.data.comparisons import Comparisons
from runner.errors import DataError, IntegrityError, Stopped
from runner.training import sentence_encoder
from runner.training.finetuning_specs import BitFit, Full, LastLayers, Lora, QLora
from runner.training.optimizers import AdamW
from runner.training.sentence_encoder import Encoder

#: Long together, and none of them alone.
pytestmark = [pytest.mark.slow, pytest.mark.warm]

SAID = ["hello", "world", "what is", "the", "of", "and", "a", "b", "c", "d", "e", "f", "g"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of 16 dimensions that knows a few words."""
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("encoder") / "model"
    folder.mkdir()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefg?!.,", "hello", "world", "what", "is", "the", "of"]
    (folder / "vocab.txt").write_text("\n".join([*words, "and"]))
    BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=64).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words) + 1, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=64,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder, safe_serialization=True)
    return folder


def talking(n: int = 240, n_models: int = 6, seed: int = 0) -> Comparisons:
    """Comparisons of LLMs that each have words of their own, among words that all have."""
    rng = np.random.default_rng(seed)
    a = rng.integers(n_models, size=n)
    b = (a + rng.integers(1, n_models, size=n)) % n_models

    def response(llm: int) -> str:
        own = [SAID[6 + llm % 7]] * 4
        return " ".join(rng.permutation([*own, *rng.choice(SAID[:6], 3)]))

    prompts = tuple(f"{SAID[at % 6]} {'a ' * (at // 6)}?" for at in range(n // 4))
    return Comparisons(
        models=tuple(f"llm-{at}" for at in range(n_models)),
        prompts=prompts,
        histories=((),) * len(prompts),
        prompt=rng.integers(len(prompts), size=n).astype(np.int32),
        model_a=a.astype(np.int32),
        model_b=b.astype(np.int32),
        winner=rng.integers(4, size=n).astype(np.int8),
        responses_a=tuple(response(llm) for llm in a),
        responses_b=tuple(response(llm) for llm in b),
        tags={},
        groups=("",) * len(prompts),
    )


@pytest.fixture
def specs(tiny: Path) -> dict[str, Frozen | Attention | Finetunable]:
    name = str(tiny)
    fast = AdamW(optimizer_type="adamw", learning_rate=3e-3)
    return {
        "frozen": Frozen(embedding_type="frozen", encoder_model_name=name, hidden_dims=[16, 8], optimizer=fast),
        "attention": Attention(
            embedding_type="attention", encoder_model_name=name, h_emb=16, h_scalar=8, h_pair=16, d_out=8,
            pairs_per_model=4, models_per_batch=4, embeddings_per_model=2, optimizer=fast,
        ),
        "finetunable": Finetunable(
            embedding_type="finetunable", transformer_model_name=name, finetuning_spec=BitFit(method="bitfit"),
            projection_dim=8, max_length=32, optimizer=fast,
        ),
    }  # fmt: skip


KINDS = ["frozen", "attention", "finetunable"]
every_kind = pytest.mark.parametrize("kind", KINDS)


def pairs_of(data: Comparisons, llm: int) -> tuple[list[str], list[str]]:
    pairs = Pairs.of_comparisons(data)
    rows = np.flatnonzero(pairs.llm == llm)
    return [pairs.texts[at] for at in pairs.prompt[rows]], [pairs.texts[at] for at in pairs.response[rows]]


@every_kind
def test_vectors_have_unit_length_and_are_what_embed_makes_of_the_pairs(kind, specs, context_for, toolbox):
    data = talking()
    found = obtain(specs[kind], context_for(toolbox.split(data)), epochs=1)
    assert found.names == data.models and found.vectors.shape == (6, 8) == (6, found.width)
    assert found.vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-5)
    again = found.embed(*pairs_of(toolbox.split(data).train, 2))
    np.testing.assert_allclose(again, found.vectors[2], atol=2e-5)


@every_kind
def test_the_order_of_the_pairs_does_not_matter_and_one_pair_is_enough(kind, specs, context_for, toolbox):
    found = obtain(specs[kind], context_for(toolbox.split(talking())), epochs=1)
    prompts, responses = ["a ?", "what is", "of the"], ["b b hello", "c", "d and world"]
    one = found.embed(prompts, responses)
    np.testing.assert_allclose(one, found.embed(prompts[::-1], responses[::-1]), atol=1e-5)
    assert not np.allclose(one, found.embed(prompts, responses[::-1]), atol=1e-4)
    assert np.linalg.norm(found.embed(["a"], ["b"])) == pytest.approx(1, abs=1e-5)


@every_kind
def test_a_saved_embedding_is_the_same_and_stands_alone(kind, specs, context_for, toolbox, tmp_path):
    data = toolbox.split(talking())
    found = obtain(specs[kind], context_for(data), epochs=1)
    found.save(tmp_path / "artifact" / FOLDER)
    shutil.move(tmp_path / "artifact", tmp_path / "elsewhere")
    loaded = LlmEmbedding.load(tmp_path / "elsewhere" / FOLDER)
    assert loaded.names == found.names and (loaded.vectors == found.vectors).all() and loaded.spec == found.spec
    pair = pairs_of(data.train, 1)
    np.testing.assert_allclose(loaded.embed(*pair), found.embed(*pair), atol=1e-6)
    loaded.save(tmp_path / "again" / FOLDER)
    np.testing.assert_array_equal(LlmEmbedding.load(tmp_path / "again" / FOLDER).embed(*pair), loaded.embed(*pair))


@every_kind
def test_stopped_and_resumed_is_uninterrupted(kind, specs, context_for, toolbox):
    data = toolbox.split(talking(64))
    whole = obtain(specs[kind], context_for(data, "whole"), epochs=3)
    for after in (1, 2):
        asked = iter(range(10_000))
        stopping = context_for(data, f"stopped-{after}", stop_requested=lambda asked=asked, n=after: next(asked) >= n)
        with pytest.raises(Stopped):
            obtain(specs[kind], stopping, epochs=3)
        resumed = context_for(data, f"stopped-{after}")
        np.testing.assert_array_equal(obtain(specs[kind], resumed, epochs=3).vectors, whole.vectors)
        assert len(resumed.emit.of("resumed")) == 1
    over = context_for(data, "whole")
    np.testing.assert_array_equal(obtain(specs[kind], over, epochs=3).vectors, whole.vectors)
    assert not over.emit.of("stage_epoch")


@every_kind
def test_without_an_epoch_it_is_the_untrained_network_of_the_seed(kind, specs, context_for, toolbox):
    data = toolbox.split(talking(96))
    state = torch.get_rng_state()
    one = obtain(specs[kind], context_for(data, "one"), epochs=0)
    assert (torch.get_rng_state() == state).all()
    np.testing.assert_array_equal(one.vectors, obtain(specs[kind], context_for(data, "two"), epochs=0).vectors)
    other = obtain(specs[kind], context_for(data, "three", seed=1), epochs=0)
    assert not np.allclose(one.vectors, other.vectors)


@pytest.mark.parametrize("kind", ["frozen", "attention"])
def test_the_encoders_weights_stay(kind, specs, context_for, toolbox, tiny):
    before = (tiny / "model.safetensors").read_bytes()
    context = context_for(toolbox.split(talking(96)))
    found = obtain(specs[kind], context, epochs=2)
    found.save(context.artifact / FOLDER)
    assert (context.artifact / FOLDER / "encoder" / "model.safetensors").read_bytes() == before
    assert not any("encoder" in name for name, _ in found.network().named_parameters())


def test_the_finetunable_encoder_moves_where_its_method_says(specs, context_for, toolbox, tiny):
    from safetensors.numpy import load_file

    network = obtain(specs["finetunable"], context_for(toolbox.split(talking(96))), epochs=1).network()
    before = load_file(tiny / "model.safetensors")
    moved = {
        name
        for name, value in network.encoder.model.state_dict().items()
        if not np.array_equal(value.numpy(), before[name])
    }
    assert moved and all(name.endswith("bias") for name in moved)


METHODS = {
    "lora": Lora(method="lora", rank=2),
    "qlora": QLora(method="qlora", rank=2, bnb_4bit_compute_dtype="float32"),
    "last_layers": LastLayers(method="last_layers", num_layers=1),
    "full": Full(method="full"),
}


@pytest.mark.parametrize("method", METHODS)
def test_every_way_of_fine_tuning_is_stored_and_embeds_a_new_llm_later(method, specs, context_for, toolbox):
    data = toolbox.split(talking(48))
    first = context_for(data, "first")
    spec = specs["finetunable"].model_copy(update={"finetuning_spec": METHODS[method]})
    known = obtain(spec, first, epochs=1)
    known.save(first.artifact / FOLDER)
    fewer = replace(data, train=replace(data.train, models=("new", *data.train.models[1:])))
    later = replace(context_for(fewer, "later"), stored={FIELD: first.artifact})
    found = obtain(specs["frozen"], later, epochs=1)
    assert found.spec == spec
    np.testing.assert_allclose(found.vectors[0], known.vectors[0], atol=1e-5)
    untrained = obtain(spec, context_for(data, "untrained"), epochs=0)
    assert not np.allclose(untrained.vectors, known.vectors, atol=1e-4)


def test_a_stored_embedding_serves_another_model_and_meets_new_llms(specs, context_for, toolbox):
    data = toolbox.split(talking())
    first = context_for(data, "first")
    known = obtain(specs["frozen"], first, epochs=2)
    known.save(first.artifact / FOLDER)

    fewer = replace(data, train=replace(data.train, models=("new", *data.train.models[1:])))
    later = replace(context_for(fewer, "later"), stored={FIELD: first.artifact})
    found = obtain(specs["attention"], later, epochs=5)
    assert found.spec == known.spec and not later.emit.of("stage_epoch")
    assert found.names == ("new", *data.train.models[1:], "llm-0")
    np.testing.assert_array_equal(found.vectors[1:6], known.vectors[1:])
    np.testing.assert_array_equal(found.vectors[6], known.vectors[0])
    # The new one has answered what llm-0 has.
    np.testing.assert_allclose(found.vectors[0], known.vectors[0], atol=1e-5)

    start = context_for(data, "start", start_from=first.artifact)
    np.testing.assert_array_equal(obtain(specs["frozen"], start, epochs=2).vectors, known.vectors)


def test_a_stored_model_without_an_embedding_is_told(specs, context_for, data, tmp_path):
    context = replace(context_for(data), stored={FIELD: tmp_path})
    with pytest.raises(DataError, match="no embedding of LLMs") as caught:
        obtain(specs["frozen"], context, epochs=1)
    assert caught.value.where == "/model/spec/load_embedding_model_from"


def test_an_llm_is_added_and_replaced(specs, context_for, toolbox):
    found = obtain(specs["frozen"], context_for(toolbox.split(talking())), epochs=1)
    before = found.vectors.copy()
    found.add("newcomer", ["what is a ?"], ["g g g"])
    assert found.names[-1] == "newcomer" and found.index["newcomer"] == 6
    np.testing.assert_array_equal(found.vectors[:6], before)
    np.testing.assert_array_equal(found.vectors[6], found.embed(["what is a ?"], ["g g g"]))
    found.add("llm-1", ["what is a ?"], ["g g g"])
    assert len(found.names) == 7
    np.testing.assert_array_equal(found.vectors[1], found.vectors[6])
    for prompts, responses in (([], []), (["a"], []), (["a"], ["b", "c"])):
        with pytest.raises(DataError, match="no pairs"):
            found.add("none", prompts, responses)


def test_an_equal_encoder_is_pointed_to_and_another_is_not(specs, context_for, toolbox, tiny, tmp_path):
    found = obtain(specs["frozen"], context_for(toolbox.split(talking(96))), epochs=0)
    artifact = tmp_path / "artifact"
    sentence_encoder.copy(tiny, artifact / "encoder")
    found.save(artifact / FOLDER, shared_encoder=artifact / "encoder")
    assert json.loads((artifact / FOLDER / "embedding.json").read_text())["encoder"] == "../encoder"
    assert sorted(path.name for path in (artifact / FOLDER).iterdir()) == [
        "embedding.json", "network.safetensors", "vectors.safetensors",
    ]  # fmt: skip
    pair = (["a ?"], ["hello"])
    np.testing.assert_allclose(LlmEmbedding.load(artifact / FOLDER).embed(*pair), found.embed(*pair), atol=1e-6)

    other = tmp_path / "other"
    sentence_encoder.copy(tiny, other / "encoder")
    settings = json.loads((other / "encoder" / "encoder.json").read_text())
    (other / "encoder" / "encoder.json").write_text(json.dumps(settings | {"max_length": 5}))
    found.save(other / FOLDER, shared_encoder=other / "encoder")
    assert (other / FOLDER / "encoder" / "model.safetensors").exists()


@pytest.mark.parametrize("place", ["../../encoder", "/etc", "../../../../etc"])
def test_an_encoder_outside_of_the_model_is_refused(specs, context_for, toolbox, tmp_path, place):
    found = obtain(specs["frozen"], context_for(toolbox.split(talking(96))), epochs=0)
    found.save(tmp_path / "artifact" / FOLDER)
    path = tmp_path / "artifact" / FOLDER / "embedding.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"encoder": place}))
    with pytest.raises(IntegrityError, match="outside"):
        LlmEmbedding.load(path.parent)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("embedding.json", "{"),
        ("embedding.json", "{}"),
        ("embedding.json", '{"names": [], "encoder": "encoder", "spec": {"embedding_type": "frozen"}}'),
        ("embedding.json", '{"names": [], "encoder": "encoder", "spec": {"embedding_type": "thawed"}}'),
        ("vectors.safetensors", "no tensors"),
    ],
)
def test_a_damaged_embedding_is_refused(specs, context_for, toolbox, tmp_path, name, content):
    obtain(specs["frozen"], context_for(toolbox.split(talking(96))), epochs=0).save(tmp_path / "a" / FOLDER)
    (tmp_path / "a" / FOLDER / name).write_text(content)
    with pytest.raises(IntegrityError):
        LlmEmbedding.load(tmp_path / "a" / FOLDER)


def test_a_network_of_other_widths_is_refused_when_it_is_needed(specs, context_for, toolbox, tmp_path):
    context = context_for(toolbox.split(talking(96)))
    obtain(specs["frozen"], context, epochs=0).save(tmp_path / "a" / FOLDER)
    wider = specs["frozen"].model_copy(update={"hidden_dims": [16, 4]})
    obtain(wider, context, epochs=0).save(tmp_path / "b" / FOLDER)
    shutil.copy(tmp_path / "b" / FOLDER / "network.safetensors", tmp_path / "a" / FOLDER / "network.safetensors")
    loaded = LlmEmbedding.load(tmp_path / "a" / FOLDER)
    with pytest.raises(IntegrityError):
        loaded.embed(["a"], ["b"])


def test_each_text_is_embedded_once_and_then_comes_from_the_cache(specs, context_for, toolbox, monkeypatch):
    computed: list[str] = []
    forward = Encoder._forward
    monkeypatch.setattr(Encoder, "_forward", lambda self, texts: computed.extend(texts) or forward(self, texts))
    data = toolbox.split(talking(96))
    obtain(specs["frozen"], context_for(data, "one"), epochs=0)
    assert len(computed) == len(set(computed)) == len(Pairs.of_comparisons(data.train).texts)
    obtain(specs["attention"], context_for(data, "two"), epochs=0)
    assert len(computed) == len(set(computed))


def test_an_llm_without_a_training_pair_stands_in_the_middle_and_is_told_of(specs, context_for, toolbox):
    data = toolbox.split(talking(96))
    data = replace(data, train=replace(data.train, models=(*data.train.models, "silent")))
    context = context_for(data)
    found = obtain(specs["frozen"], context, epochs=0)
    middle = found.vectors[:6].sum(axis=0)
    np.testing.assert_allclose(found.vectors[6], middle / np.linalg.norm(middle), atol=1e-5)
    assert any("silent" in event["message"] for event in context.emit.of("warning"))


def test_few_llms_are_validated_on_prompts_and_it_is_said(specs, context_for, toolbox):
    context = context_for(toolbox.split(talking(200, n_models=2)))
    found = obtain(specs["frozen"], context, epochs=2)
    assert [event["message"] for event in context.emit.of("warning")] == [
        "fewer than 5 LLMs: their embedding is validated on held-out prompts instead of LLMs"
    ]
    assert all(event["metrics"]["retrieval"] is not None for event in context.emit.of("stage_epoch"))
    assert found.vectors[0] @ found.vectors[1] < 0.5


def test_the_best_epoch_is_kept(specs, context_for, toolbox):
    data = toolbox.split(talking())
    context = context_for(data, "long")
    long = obtain(specs["frozen"], context, epochs=6)
    epochs = context.emit.of("stage_epoch")
    assert [event["epoch"] for event in epochs] == [1, 2, 3, 4, 5, 6]
    best = 1 + int(np.argmax([event["metrics"]["separation"] for event in epochs]))
    np.testing.assert_array_equal(long.vectors, obtain(specs["frozen"], context_for(data, "b"), epochs=best).vectors)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A cut of the packaged data, and a cache for its embeddings."""
    from runner.builders.routing import dense_network
    from runner.contract import LoadContext
    from runner.data.comparisons import ComparisonsData

    cache = tmp_path_factory.mktemp("cache")
    section = ComparisonsData(dataset="sample", max_samples=300)
    spec = dense_network.Spec(model_type="dense_network")
    return SimpleNamespace(data=section.load(LoadContext(spec, cache, lambda *_, **__: None)), cache=cache)


SMALL = {
    "frozen": Frozen(embedding_type="frozen", hidden_dims=[128, 64]),
    "attention": Attention(
        embedding_type="attention", h_emb=64, h_scalar=16, h_pair=64, d_out=32, pairs_per_model=8, models_per_batch=8
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["frozen", "attention"])
def test_real_llms_are_told_apart_by_answers_to_prompts_never_seen(kind, sample, context_for):
    context = replace(context_for(sample.data), cache=sample.cache)
    found = obtain(SMALL[kind], context, epochs=4)
    held = Pairs.of_comparisons(sample.data.validation)
    hits = []
    for llm in range(len(found.names)):
        rows = np.flatnonzero(held.llm == llm)
        vector = found.embed(
            [held.texts[at] for at in held.prompt[rows]], [held.texts[at] for at in held.response[rows]]
        )
        hits.append(int(np.argmax(found.vectors @ vector)) == llm)
    # One in twelve would be chance.
    assert np.mean(hits) >= 0.6


@pytest.mark.slow
def test_an_llm_never_seen_in_training_lands_on_itself(sample, context_for):
    """Trained without one LLM, half of that LLM's pairs is nearest to the other half."""
    train = sample.data.train
    stranger = train.models.index("dictionary")
    without = train.take((train.model_a != stranger) & (train.model_b != stranger))
    context = replace(context_for(replace(sample.data, train=without)), cache=sample.cache)
    found = obtain(SMALL["frozen"], context, epochs=2)
    prompts, responses = pairs_of(train, stranger)
    found.add("dictionary", prompts[::2], responses[::2])
    nearest = found.vectors @ found.embed(prompts[1::2], responses[1::2])
    assert found.names[int(np.argmax(nearest))] == "dictionary"


ADAPTER: TypeAdapter[Frozen | Finetunable | Attention] = TypeAdapter(EmbeddingSpec)


def test_the_documented_defaults():
    frozen = ADAPTER.validate_python({"embedding_type": "frozen"})
    assert (frozen.triplet_margin, frozen.identity_positive_ratio, frozen.regularization_weight) == (0.2, 0.8, 0.01)
    assert frozen.encoder_model_name == "all-MiniLM-L6-v2"
    finetunable = ADAPTER.validate_python({"embedding_type": "finetunable"})
    assert finetunable.projection_dim == 128 and finetunable.finetuning_spec.method == "lora"
    attention = ADAPTER.validate_python({"embedding_type": "attention"})
    assert attention.model_dump(exclude={"embedding_type", "encoder_model_name", "optimizer"}) == {
        "h_emb": 256, "h_scalar": 64, "h_pair": 256, "d_out": 128, "pair_mlp_layers": 2, "num_attention_heads": 4,
        "dropout": 0.1, "temperature": 0.07, "pairs_per_model": 32, "models_per_batch": 16, "embeddings_per_model": 4,
    }  # fmt: skip


def test_heads_divide_the_width_of_a_pair():
    with pytest.raises(ValidationError, match="should divide h_pair, which is 256") as caught:
        ADAPTER.validate_python({"embedding_type": "attention", "num_attention_heads": 3})
    assert caught.value.errors()[0]["loc"] == ("attention", "num_attention_heads")
