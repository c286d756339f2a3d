"""One model on top of another: what the lower one says, what is learned above it, and that both are stored."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner import registry
from runner.builders.routing._neural.residual import FOLDER, BaseModel
from runner.contract import LoadedData
from runner.data.comparisons import Comparisons
from runner.store.manifest import Manifest, describe_files
from tests.builders.neural_cases import NAMES, answers, embedded, encoder, files, preferences, resumes_to_the_bit, store

__all__ = ["encoder"]

bradley_terry_scoring, dn_embedding, elo_scoring, response_predictive = map(
    registry.load, ("bradley_terry_scoring", "dn_embedding", "elo_scoring", "response_predictive")
)

PROMPTS = ["hello world", "a b c", "d d d a"]


def upper(kind: Any, encoder: Path, **fields: Any) -> Any:
    document = {"model_type": kind.Spec.__module__.rpartition(".")[2], "base_model": "elo_scoring/stored"}
    shared = embedded(encoder, **fields)
    # Each kind's own fields: one network has these, and the others have several of them.
    known = {name: value for name, value in shared.items() if name in kind.Spec.model_fields}
    return kind.Spec.model_validate_json(json.dumps(document | known))


@pytest.fixture
def rated(context_for, tmp_path) -> tuple[LoadedData, Path]:
    """Data in which LLMs differ as a whole too, and an Elo rating of them, stored."""
    data = uneven(preferences(240))
    context = context_for(data, "elo", epochs=3)
    spec = elo_scoring.Spec(model_type="elo_scoring", min_model_occurrences=1)
    return data, store(tmp_path / "models", "elo_scoring", context, elo_scoring.train(spec, context))


def uneven(data: LoadedData) -> LoadedData:
    """The same, but greeter-0 wins all it is in."""

    def change(rows: Comparisons) -> Comparisons:
        best = NAMES.index("greeter-0")
        winner = np.where(rows.model_a == best, 0, np.where(rows.model_b == best, 1, rows.winner))
        return rows.__class__(**{**rows.__dict__, "winner": winner.astype(np.int8)})

    return LoadedData(change(data.train), change(data.validation), data.fingerprint, {})


def test_a_base_models_scores_are_log_odds_and_0_for_a_stranger(rated):
    data, folder = rated
    base = BaseModel.load(folder)
    temperature = Manifest.read(folder).parameter("temperature")
    plain = elo_scoring.Predictor.load(folder).score_llms(PROMPTS, NAMES)
    np.testing.assert_allclose(base.scores(PROMPTS, [*NAMES, "stranger"])[:-1], plain / temperature)
    assert (base.scores(PROMPTS, ["stranger"]) == 0).all()

    said: list[Any] = []
    names = ("stranger", *data.train.models[1:])
    other = data.train.__class__(**{**data.train.__dict__, "models": names})
    table = base.table(replace(data, train=other), lambda event, **fields: said.append((event, fields)))
    assert table.shape == (6, len(data.train.prompts)) and table.dtype == np.float32
    assert (table[0] == 0).all() and (table[1:] != 0).any()
    assert "stranger" in said[0][1]["message"] and said[0][1]["pointer"] == "/model/spec/base_model"


@pytest.mark.parametrize("kind", [dn_embedding, response_predictive])
@pytest.mark.slow
@pytest.mark.warm
def test_an_untrained_residual_changes_nothing_and_a_trained_one_helps(rated, encoder, context_for, kind):
    data, folder = rated
    context = context_for(data, "above", epochs=0)
    context.stored = {"base_model": folder}
    nothing = kind.train(upper(kind, encoder, ranking_loss_type="bradley_terry"), context)
    elo = Manifest.read(folder).metrics
    assert nothing.metrics["accuracy"] == elo["accuracy"]
    assert nothing.metrics["temperature"] == pytest.approx(1.0, rel=1e-3)
    np.testing.assert_allclose(
        kind.Predictor.load(context.artifact).score_llms(PROMPTS, NAMES),
        BaseModel.load(folder).scores(PROMPTS, NAMES),
        atol=1e-6,
    )

    learned = context_for(data, "learned", epochs=6)
    learned.stored = {"base_model": folder}
    result = kind.train(upper(kind, encoder, ranking_loss_type="bradley_terry"), learned)
    assert result.metrics["accuracy"] > elo["accuracy"] + 0.15


def test_models_stand_on_models_and_the_artifact_holds_them_all(rated, encoder, context_for, tmp_path):
    data, folder = rated
    middle = context_for(data, "middle", epochs=2)
    middle.stored = {"base_model": folder}
    result = dn_embedding.train(upper(dn_embedding, encoder), middle)
    stored = store(tmp_path / "models", "dn_embedding", middle, result)
    top = context_for(data, "top", epochs=0)
    top.stored = {"base_model": stored}
    dn_embedding.train(upper(dn_embedding, encoder, embedding_model_epochs=0), top)
    assert (top.artifact / FOLDER / FOLDER / "manifest.json").is_file()
    describe_files(top.artifact)  # everything in it may stand in a stored model

    below = dn_embedding.Predictor.load(stored)
    above = dn_embedding.Predictor.load(top.artifact)
    expected = below.score_llms(PROMPTS, NAMES) / result.metrics["temperature"]
    np.testing.assert_allclose(above.score_llms(PROMPTS, NAMES), expected, atol=1e-6)
    # Each of the three is told of a new LLM: the lowest, a rating, cannot be.
    for predictor in (above, below):
        predictor.add_llm("greeter-7", *answers("greeter-7"))
    expected = below.score_llms(PROMPTS, ["greeter-7"]) / result.metrics["temperature"]
    np.testing.assert_allclose(above.score_llms(PROMPTS, ["greeter-7"]), expected, atol=1e-6)


def test_it_goes_on_upon_the_base_model_it_stands_on(rated, encoder, context_for):
    data, folder = rated
    first = context_for(data, "first", epochs=2)
    first.stored = {"base_model": folder}
    result = dn_embedding.train(upper(dn_embedding, encoder), first)
    # The store may have lost the base model since.
    second = context_for(data, "second", epochs=0, start_from=first.artifact)
    again = dn_embedding.train(upper(dn_embedding, encoder), second)
    assert again.metrics == result.metrics
    lower = {name: data for name, data in files(first.artifact).items() if name.startswith(FOLDER)}
    assert lower and lower == {name: data for name, data in files(second.artifact).items() if name.startswith(FOLDER)}


def test_stopped_in_the_middle_it_ends_the_same(rated, encoder, context_for):
    data, folder = rated

    def make(name: str) -> Any:
        context = context_for(data, name, epochs=3)
        context.stored = {"base_model": folder}
        return context

    resumes_to_the_bit(dn_embedding, upper(dn_embedding, encoder), make, "epoch", 1)


def test_what_the_base_model_does_not_know_is_learned_above_it(encoder, context_for, tmp_path):
    data = preferences(240)
    few = data.train.take(np.isin(data.train.model_a, [0, 3]) & np.isin(data.train.model_b, [0, 3]))
    two = {"models": ("greeter-0", "speller-0"), "model_a": few.model_a // 3, "model_b": few.model_b // 3}
    known = few.__class__(**{**few.__dict__, **two})
    context = context_for(LoadedData(known, known, "0" * 64, {}), "bt")
    spec = bradley_terry_scoring.Spec(model_type="bradley_terry_scoring", min_model_occurrences=1)
    folder = store(tmp_path / "models", "bradley_terry_scoring", context, bradley_terry_scoring.train(spec, context))
    above = context_for(data, "above", epochs=5)
    above.stored = {"base_model": folder}
    result = dn_embedding.train(upper(dn_embedding, encoder), above)
    assert any("greeter-1" in event["message"] for event in above.emit.of("warning"))
    assert result.metrics["accuracy"] > 0.85
