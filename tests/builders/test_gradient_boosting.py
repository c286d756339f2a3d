"""Boosted trees as a router: what they learn, from which inputs, and what is stored."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from runner import registry
from runner.builders.routing.gradient_boosting import Spec
from runner.contract import LoadedData
from runner.data.comparisons import A, B, Comparisons
from runner.errors import IntegrityError, Stopped
from runner.store.manifest import seal
from tests.training.tiny_encoder import tiny

bradley_terry_scoring, gradient_boosting = map(registry.load, ("bradley_terry_scoring", "gradient_boosting"))
Predictor, train = gradient_boosting.Predictor, gradient_boosting.train

#: Each LLM answers in words of its own, and is good at one of the two kinds of prompt.
ANSWERS = ("a a", "hello world", "is the what", "g f ?")
WORDS = (("hello", "world", "hello world"), ("b", "c", "d"))


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("boosted") / "model")


def preferences(n: int = 700, tags: bool = False, hidden: bool = False, seed: int = 0) -> LoadedData:
    """LLMs 0 and 1 win on greetings, 2 and 3 on letters; `hidden`: only the tag `math` tells the kinds apart."""
    rng = np.random.default_rng(seed)
    greeting = rng.random(n) < 0.5
    text = [
        " ".join(rng.choice(WORDS[0 if is_greeting and not hidden else 1], size=rng.integers(2, 9)))
        for is_greeting in greeting
    ]
    a, b = rng.integers(0, 2, n), rng.integers(2, 4, n)
    winner = np.where(greeting, A, B)
    swap = rng.random(n) < 0.5
    a, b, winner = np.where(swap, b, a), np.where(swap, a, b), np.where(swap, 1 - winner, winner)
    math = np.where(greeting, 1, 0).astype(np.float32)
    data = Comparisons(
        models=("llm-0", "llm-1", "llm-2", "llm-3"),
        prompts=tuple(text),
        histories=((),) * n,
        prompt=np.arange(n, dtype=np.int32),
        model_a=a.astype(np.int32),
        model_b=b.astype(np.int32),
        winner=winner.astype(np.int8),
        responses_a=tuple(f"{ANSWERS[llm]} {'b ' * int(rng.integers(4))}" for llm in a),
        responses_b=tuple(f"{ANSWERS[llm]} {'b ' * int(rng.integers(4))}" for llm in b),
        tags={"math": math} if tags else {},
        groups=("",) * n,
    )
    cut = round(0.8 * n)
    return LoadedData(data.take(np.arange(cut)), data.take(np.arange(cut, n)), "0" * 64, {})


def spec(encoder: Path, **changes: Any) -> Spec:
    return Spec.model_validate(
        {
            "model_type": "gradient_boosting",
            "embedding_model_name": str(encoder),
            "embedding_spec": {
                "embedding_type": "frozen", "encoder_model_name": str(encoder), "hidden_dims": [16, 8]
            },
            "embedding_model_epochs": 1,
            "max_depth": 3,
            "learning_rate": 0.3,
        }
        | changes
    )  # fmt: skip


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("loss", ["margin_ranking", "bradley_terry"])
def test_it_learns_which_llm_is_good_at_which_prompt(context_for, encoder, loss):
    context = context_for(preferences(), epochs=15)
    result = train(spec(encoder, ranking_loss_type=loss), context)
    assert result.metrics["accuracy"] > 0.95
    assert result.epochs == 15 and result.metrics["n_trees"] == result.best_epoch
    assert {"leaderboard", "calibration", "baselines", "importance"} <= result.tables.keys()
    assert sum(row["gain"] for row in result.tables["importance"]) == pytest.approx(1)
    assert {path.suffix for path in context.artifact.rglob("*") if path.is_file()} <= {".json", ".safetensors", ".txt"}

    predictor = Predictor.load(context.artifact)
    prompts = ["hello hello world", "b d c", "hello hello world"]
    scores = predictor.score_llms(prompts, ["llm-0", "stranger", "llm-3"])
    assert scores[0, 0] > scores[2, 0] and scores[0, 1] < scores[2, 1]
    assert np.isnan(scores[1]).all() and (scores[[0, 2], 0] == scores[[0, 2], 2]).all()
    one_by_one = [predictor.score_llms([prompt], ["llm-0", "llm-3"], 1)[:, 0] for prompt in prompts]
    np.testing.assert_allclose(np.column_stack(one_by_one), scores[[0, 2]], atol=1e-5)
    assert predictor.score_llms([], ["llm-0"]).shape == (1, 0)


def test_training_prompts_are_scored_as_in_training_whatever_the_batch(context_for, encoder):
    """Trees jump: a threshold at a training value would turn an embedding's last digit into another score."""
    data = preferences()
    context = context_for(data, epochs=10)
    result = train(spec(encoder), context)
    predictor = Predictor.load(context.artifact)
    held = data.validation
    scores = [
        predictor.score_llms([held.prompts[at] for at in held.prompt], held.models, size, histories=[()] * len(held))
        for size in (1, 7, 200)
    ]
    np.testing.assert_allclose(scores[1], scores[0], atol=1e-5)
    np.testing.assert_allclose(scores[2], scores[0], atol=1e-5)
    at = np.arange(len(held))
    right = (scores[0][held.model_a, at] > scores[0][held.model_b, at]) == (held.winner == A)
    assert right.mean() == pytest.approx(result.metrics["accuracy"])


@pytest.mark.parametrize("looks", [0, 2, 4, 6])
@pytest.mark.slow
@pytest.mark.warm
def test_stopped_anywhere_it_ends_the_same(context_for, encoder, looks):
    data, wanted = preferences(300), spec(encoder, colsample_bytree=0.5)
    whole = context_for(data, "whole", epochs=6)
    expected = train(wanted, whole)
    left = [looks]

    def stop() -> bool:
        left[0] -= 1
        return left[0] < 0

    with pytest.raises(Stopped):
        train(wanted, context_for(data, "cut", epochs=6, stop_requested=stop))
    again = context_for(data, "cut", epochs=6)
    result = train(wanted, again)
    assert result.metrics == expected.metrics
    assert files(again.artifact) == files(whole.artifact)


def test_categories_help_where_only_they_tell(context_for, encoder):
    data = preferences(tags=True, hidden=True)
    blind = train(spec(encoder), context_for(data, "blind", epochs=8))
    everything = ["prompt_categories", "model_embedding", "prompt_embedding", "prompt_features"]
    context = context_for(data, "seeing", epochs=8)
    seeing = train(spec(encoder, input_features=everything), context)
    assert blind.metrics["accuracy"] < 0.7 and seeing.metrics["accuracy"] == 1
    assert seeing.tables["importance"][0]["input"] in ("prompt_categories", "model_embedding")
    tags = np.full((3, 12), np.nan, np.float32)
    tags[0, -1], tags[1, -1] = 1, 0
    predictor = Predictor.load(context.artifact)
    assert predictor.reads_tags
    scores = predictor.score_llms(["b c"] * 3, ["llm-0", "llm-3"], tags=tags)
    assert scores[0, 0] > scores[1, 0] and scores[0, 1] < scores[1, 1]
    np.testing.assert_allclose(scores[:, 2], predictor.score_llms(["b c"], ["llm-0", "llm-3"])[:, 0], atol=1e-5)


def test_asked_for_categories_that_the_data_does_not_have_it_says_so(context_for, encoder):
    context = context_for(preferences(200), epochs=2)
    train(spec(encoder, input_features=["prompt_categories", "model_embedding"]), context)
    assert any("category tags" in record["message"] for record in context.emit.of("warning"))


def test_the_llm_embedding_alone_needs_no_encoder_of_prompts(context_for, encoder):
    context = context_for(preferences(200), epochs=3)
    result = train(spec(encoder, input_features=["model_embedding"]), context)
    assert not (context.artifact / "encoder").exists()
    assert [row["input"] for row in result.tables["importance"]] == ["model_embedding"]
    scores = Predictor.load(context.artifact).score_llms(["hello", "b c d"], ["llm-0", "llm-3"])
    assert (scores[:, 0] == scores[:, 1]).all()


def test_inputs_are_checked(encoder):
    with pytest.raises(ValidationError, match="every LLM is the same"):
        spec(encoder, input_features=["prompt_embedding"])
    with pytest.raises(ValidationError, match="once"):
        spec(encoder, input_features=["model_embedding", "model_embedding"])
    with pytest.raises(ValidationError):
        spec(encoder, input_features=["model_embedding", "weather"])


def stored(context: Any, result: Any, kind: str) -> Path:
    """The artifact as a stored model's folder."""
    manifest = {"model_type": kind, "name": "m", "version": 1, "files": {}, "metrics": result.metrics}
    (context.artifact / "manifest.json").write_text(json.dumps(seal(manifest)))
    return context.artifact


def test_without_a_tree_worth_keeping_a_base_model_ranks(context_for, encoder):
    """A learning rate of next to nothing leaves the base model's log odds."""
    data = preferences(300)
    rating = bradley_terry_scoring.Spec(model_type="bradley_terry_scoring", min_model_occurrences=1)
    below = context_for(data, "below")
    folder = stored(below, bradley_terry_scoring.train(rating, below), "bradley_terry_scoring")
    context = replace(context_for(data, "above", epochs=2), stored={"base_model": folder})
    train(spec(encoder, base_model="below", learning_rate=1e-9), context)
    predictor = Predictor.load(context.artifact)
    base = bradley_terry_scoring.Predictor.load(folder)
    names = list(data.train.models)
    temperature = json.loads((folder / "manifest.json").read_text())["metrics"]["temperature"]
    np.testing.assert_allclose(
        predictor.score_llms(["hello", "b"], names), base.score_llms(["hello", "b"], names) / temperature, atol=1e-6
    )


def test_on_a_base_model_it_learns_the_residual(context_for, encoder):
    data = preferences()
    first = context_for(data, "first", epochs=10)
    below = stored(first, train(spec(encoder), first), "gradient_boosting")
    context = replace(context_for(data, "above", epochs=3), stored={"base_model": below})
    result = train(spec(encoder, base_model="gradient_boosting/first"), context)
    assert result.metrics["accuracy"] > 0.95
    fresh = context_for(data, "fresh", epochs=3)
    train(spec(encoder), fresh)
    losses = [run.emit.of("epoch")[0]["metrics"]["train_loss"] for run in (context, fresh)]
    assert losses[0] < 0.5 * losses[1]
    predictor = Predictor.load(context.artifact)
    predictor.add_llm("new", ["hello", "b"], ["a a b", "a a b b"])
    assert np.isfinite(predictor.score_llms(["hello"], ["llm-0", "new"])).all()


def test_going_on_from_a_stored_model_adds_trees(context_for, encoder):
    data = preferences(300)
    first = context_for(data, "first", epochs=3)
    before = train(spec(encoder), first)
    context = context_for(data, "second", epochs=4, start_from=first.artifact)
    result = train(spec(encoder), context)
    assert result.metrics["n_trees"] == before.metrics["n_trees"] + result.best_epoch
    assert context.emit.of("epoch")[0]["metrics"]["trees"] == before.metrics["n_trees"] + 1
    assert (context.artifact / "bins.safetensors").read_bytes() == (first.artifact / "bins.safetensors").read_bytes()
    assert not context.emit.of("stage_epoch"), "the stored embedding of the LLMs is used as it is"


def test_an_llm_that_was_not_in_training_is_scored_by_its_answers(context_for, encoder):
    context = context_for(preferences(), epochs=10)
    train(spec(encoder), context)
    predictor = Predictor.load(context.artifact)
    known = predictor.models
    predictor.add_llm("twin", ["hello", "b c", "world"], [ANSWERS[3]] * 3)
    assert list(predictor.models) == [*known, "twin"]
    prompts = ["hello world hello", "b c d", "d d"]
    scores = predictor.score_llms(prompts, ["llm-0", "twin", "llm-3"])
    assert np.abs(scores[1] - scores[2]).sum() < np.abs(scores[1] - scores[0]).sum()


def test_a_model_that_is_not_whole_is_refused(context_for, encoder):
    context = context_for(preferences(200), epochs=1)
    train(spec(encoder), context)
    for name, content in (("model.json", "{}"), ("booster.json", "{"), ("bins.safetensors", "x")):
        path = context.artifact / name
        whole = path.read_bytes()
        path.write_text(content)
        with pytest.raises(IntegrityError, match=r"cannot be read|not a safetensors"):
            Predictor.load(context.artifact)
        path.write_bytes(whole)
    gradient_boosting.Predictor.load(context.artifact)
