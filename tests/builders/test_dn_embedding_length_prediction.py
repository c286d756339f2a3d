"""Lengths by a network on embeddings: its arithmetic, that it learns, resumes, continues, and meets a new LLM."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from runner import registry
from runner.builders.routing._lengths.length_network import LengthNetwork
from runner.contract import LoadedData, TrainContext
from runner.errors import IntegrityError, Stopped
from runner.store.tensors import read_tensors
from tests.builders.length_cases import lengths as lengths
from tests.training import tiny_models

kind = registry.load("dn_embedding_length_prediction")

EPOCHS = 12


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> kind.Spec:
    """A small network on an encoder of random weights."""
    encoder = str(tmp_path_factory.mktemp("pretrained") / "tiny")
    tiny_models.folder(Path(encoder))
    document = {
        "model_type": "dn_embedding_length_prediction",
        "embedding_model_name": encoder,
        "hidden_dims": [32, 16],
        "input_proj_dim": 16,
        "model_id_embedding_dim": 4,
        "dropout": 0.1,
        "optimizer": {"optimizer_type": "adamw", "learning_rate": 0.005},
        "embedding_spec": {"embedding_type": "frozen", "encoder_model_name": encoder, "hidden_dims": [16]},
        "embedding_model_epochs": 1,
    }
    return kind.Spec.model_validate(document)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def context(context_for: Callable[..., TrainContext], cache: Path) -> Callable[..., TrainContext]:
    """`context_for` with the module's own embedding cache."""
    return lambda *words, **options: replace(context_for(*words, **options), cache=cache)


def stop_at(epoch: int) -> tuple[Callable[[], bool], Callable[..., None]]:
    """A stop signal that comes when this epoch has ended, and what listens for it."""
    reached = []

    def emit(event: str, **fields: Any) -> None:
        if event == "epoch" and fields["epoch"] == epoch:
            reached.append(True)

    return (lambda: bool(reached)), emit


def test_a_table_of_pairs_is_what_the_pairs_are_one_by_one():
    torch.manual_seed(0)
    network = LengthNetwork(8, 5, 6, 3, 4, 2, [8, 8, 4], 0.5).eval()
    torch.nn.init.normal_(network.head.weight)
    torch.nn.init.normal_(network.model_embedding.weight)
    embeddings, features, vectors = torch.randn(7, 8), torch.randn(7, 5), torch.randn(3, 6)
    table = network.table(embeddings, features, vectors, network.model_embedding.weight)
    assert table.shape == (3, 7)
    for llm in range(3):
        for prompt in range(7):
            own = network.model_embedding.weight[llm]
            one = network(network.prompts(embeddings[prompt], features[prompt]), network.llms(vectors[llm], own)).item()
            assert table[llm, prompt] == pytest.approx(one, abs=1e-5)
    assert np.unique(table.round(4)).size == 21


def test_a_fresh_network_predicts_every_llms_usual_length():
    network = LengthNetwork(8, 5, 6, 3, 4, 2, [8], 0.0).eval()
    own = network.model_embedding.weight
    assert not own.any()
    assert not network.table(torch.randn(2, 8), torch.randn(2, 5), torch.randn(3, 6), own).any()


def test_it_learns_what_the_means_cannot_and_predicts_it_from_its_folder_alone(
    lengths: LoadedData, spec: kind.Spec, context: Any
):
    run = context(lengths, epochs=EPOCHS)
    result = kind.train(spec, run)
    means = result.tables["baselines"][0]
    assert means["log_r2"] < 0.05
    assert result.metrics["log_r2"] > 0.7
    assert result.metrics["mae_tokens"] < means["mae_tokens"] / 2
    told = {event["epoch"]: event["metrics"] for event in run.emit.of("epoch")}
    assert result.best_epoch == max(told, key=lambda epoch: told[epoch]["log_r2"])
    assert result.metrics["log_r2"] == told[result.best_epoch]["log_r2"]

    predictor = kind.Predictor.load(run.artifact)
    held = lengths.validation
    table = predictor.score_llms(held.prompts, [*held.models, "stranger"])
    assert np.isnan(table[-1]).all()
    assert (table[:-1] >= 1).all()
    for row in result.tables["lengths"]:
        llm = held.models.index(row["model"])
        of = np.unique(np.concatenate([held.prompt[held.model_a == llm], held.prompt[held.model_b == llm]]))
        assert table[llm, of].mean() == pytest.approx(row["mean_predicted"], rel=1e-4)
    one = predictor.score_llms([held.prompts[3], held.prompts[3]], held.models[::-1], batch_size=1)
    assert one[:, 0].tolist() == one[:, 1].tolist()
    assert one[::-1, 0] == pytest.approx(table[:-1, 3], rel=1e-5)
    predictor.use_cache(run.cache)
    assert predictor.score_llms(held.prompts[:3], held.models) == pytest.approx(table[:-1, :3], rel=1e-5)


def test_an_llm_that_was_not_in_training_has_the_length_of_its_answers(
    lengths: LoadedData, spec: kind.Spec, context: Any
):
    run = context(lengths, epochs=2)
    kind.train(spec, run)
    predictor = kind.Predictor.load(run.artifact)
    code = "Write python code for item 3."
    before = predictor.score_llms([code], ["coder"])
    for name, words in (("brief", 3), ("long-winded", 50)):
        predictor.add_llm(name, [code, "Tell a story."], ["word " * words] * 2)
    found = predictor.score_llms([code], ["coder", "brief", "long-winded"])
    assert found[0] == pytest.approx(before[0])
    assert found[2, 0] > 4 * found[1, 0]
    predictor.add_llm("coder", [code], ["word " * 3])
    assert predictor.score_llms([code], ["coder"])[0, 0] < before[0, 0]
    assert list(predictor.models) == ["coder", "teller", "terse", "brief", "long-winded"]


@pytest.mark.parametrize("gone", ["coder", "terse"])
def test_stopped_and_resumed_it_is_the_same_model(lengths: LoadedData, spec: kind.Spec, context: Any, gone: str):
    whole = context(lengths, "whole", epochs=4)
    expected = kind.train(spec, whole)
    if gone == "coder":
        stop, emit = stop_at(2)
        stopped = replace(context(lengths, "halves", epochs=4, stop_requested=stop), emit=emit)
    else:
        # At the first look: within the embedding of the LLMs.
        stopped = context(lengths, "halves", epochs=4, stop_requested=lambda: True)
    with pytest.raises(Stopped):
        kind.train(spec, stopped)
    resumed = context(lengths, "halves", epochs=4)
    found = kind.train(spec, resumed)
    assert found.metrics == expected.metrics
    for file in ("network.safetensors", "model.json", "llm_embedding/vectors.safetensors"):
        assert (resumed.artifact / file).read_bytes() == (whole.artifact / file).read_bytes()


def test_a_model_to_start_from_goes_on_and_takes_new_llms_in(lengths: LoadedData, spec: kind.Spec, context: Any):
    first = context(lengths, "first", epochs=EPOCHS)
    kind.train(spec, first)
    renamed = {"coder": "coder", "teller": "teller", "terse": "xnew"}
    names = tuple(renamed[name] for name in lengths.train.models)
    data = replace(
        lengths, train=replace(lengths.train, models=names), validation=replace(lengths.validation, models=names)
    )
    second = context(data, "second", epochs=0, start_from=first.artifact)
    result = kind.train(spec, second)
    one, other = kind.Predictor.load(first.artifact), kind.Predictor.load(second.artifact)
    assert list(other.models) == ["coder", "teller", "xnew", "terse"]
    prompts, kept = lengths.train.prompts[:5], ["coder", "teller", "terse"]
    assert other.score_llms(prompts, kept) == pytest.approx(one.score_llms(prompts, kept), rel=1e-5)
    own = read_tensors(second.artifact / "network.safetensors")["model_embedding.weight"]
    assert not own[2].any()
    assert own[3].any()
    assert result.metrics["log_r2"] > 0.3, "an LLM of the same answers is predicted without a step of training"


def test_weights_that_do_not_fit_are_refused(lengths: LoadedData, spec: kind.Spec, context: Any):
    run = context(lengths, epochs=1)
    kind.train(spec, run)
    path = run.artifact / "model.json"
    path.write_text(path.read_text().replace('"projection": 16', '"projection": 8'))
    with pytest.raises(IntegrityError, match="cannot be read"):
        kind.Predictor.load(run.artifact)
