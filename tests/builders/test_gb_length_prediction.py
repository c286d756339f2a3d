"""Boosted trees that predict lengths: by prompt, by LLM, and for an LLM that was not in training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner import registry
from runner.builders.routing.gb_length_prediction import Spec
from runner.contract import LoadedData
from runner.data.comparisons import A, B, Comparisons
from runner.errors import IntegrityError, Stopped
from tests.training.tiny_encoder import tiny

kind = registry.load("gb_length_prediction")
Predictor, train = kind.Predictor, kind.train

#: Tokens of each LLM's usual answer, and an answer's word of its own.
USUAL, WORDS = (4, 10, 24), ("a", "b", "world")


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("lengths") / "model")


def lengths(n: int = 400, seed: int = 0) -> LoadedData:
    """Answers to a greeting are half as long as usual, to a question twice as long."""
    rng = np.random.default_rng(seed)
    asked = rng.random(n) < 0.5
    prompts = tuple(
        " ".join(rng.choice(("what", "is", "the") if question else ("hello", "b", "c"), size=rng.integers(2, 7)))
        for question in asked
    )
    a = rng.integers(0, 3, n)
    b = (a + rng.integers(1, 3, n)) % 3

    def answers(llms: np.ndarray) -> tuple[str, ...]:
        tokens = np.maximum(1, np.take(USUAL, llms) * np.where(asked, 2, 0.5) * rng.uniform(0.9, 1.1, n)).round()
        return tuple(" ".join([WORDS[llm]] * int(count)) for llm, count in zip(llms, tokens, strict=True))

    data = Comparisons(
        models=("llm-0", "llm-1", "llm-2"),
        prompts=prompts,
        histories=((),) * n,
        prompt=np.arange(n, dtype=np.int32),
        model_a=a.astype(np.int32),
        model_b=b.astype(np.int32),
        winner=np.where(rng.random(n) < 0.5, A, B).astype(np.int8),
        responses_a=answers(a),
        responses_b=answers(b),
        tags={},
        groups=("",) * n,
    )
    cut = round(0.8 * n)
    return LoadedData(data.take(np.arange(cut)), data.take(np.arange(cut, n)), "0" * 64, {})


def spec(encoder: Path, **changes: Any) -> Spec:
    return Spec.model_validate(
        {
            "model_type": "gb_length_prediction",
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


def test_it_learns_what_a_prompt_adds_to_an_llms_usual_length(context_for, encoder):
    context = context_for(lengths(), epochs=12)
    result = train(spec(encoder), context)
    usual = next(row for row in result.tables["baselines"] if row["model_type"] == "mean of each LLM")
    assert result.metrics["log_r2"] > 0.9 and usual["log_r2"] < 0.1
    assert result.metrics["relative_accuracy"] > 0.85 > usual["relative_accuracy"]
    assert result.metrics["n_trees"] == result.best_epoch
    assert sum(row["gain"] for row in result.tables["importance"]) == pytest.approx(1)

    predictor = Predictor.load(context.artifact)
    names = [*predictor.models, "stranger"]
    prompts = ["hello b c", "what is the", "hello b c"]
    tokens = predictor.score_llms(prompts, names)
    expected = np.array(USUAL)[:, None] * np.array([0.5, 2, 0.5])
    np.testing.assert_allclose(tokens[:3], expected, rtol=0.25)
    assert np.isnan(tokens[3]).all()
    one_by_one = np.column_stack([predictor.score_llms([prompt], names, 1)[:, 0] for prompt in prompts])
    np.testing.assert_allclose(one_by_one, tokens, atol=1e-5)


def test_the_predictor_repeats_what_was_measured(context_for, encoder):
    # With few held-out responses no factor is fitted to them.
    data = lengths(150)
    context = context_for(data, epochs=5)
    result = train(spec(encoder), context)
    held = data.validation
    tokens = Predictor.load(context.artifact).score_llms([held.prompts[at] for at in held.prompt], held.models)
    at = np.arange(len(held))
    predicted = np.concatenate([tokens[held.model_a, at], tokens[held.model_b, at]])
    actual = np.array([len(text.split()) for text in (*held.responses_a, *held.responses_b)])
    assert np.abs(predicted - actual).mean() == pytest.approx(result.metrics["mae_tokens"], rel=1e-6)


@pytest.mark.parametrize("predict", ["mean", "relative"])
def test_what_is_foretold_is_what_was_asked_for(context_for, encoder, predict):
    found = {}
    for word in ("median", predict):
        context = context_for(lengths(), word, epochs=3)
        train(spec(encoder, predict=word), context)
        predictor = Predictor.load(context.artifact)
        found[word] = predictor.score_llms(["hello b c", "what is the"], predictor.models)
    over = found[predict].sum() / found["median"].sum()
    assert over > 1.0 if predict == "mean" else over < 1.0


def test_stopped_it_ends_the_same(context_for, encoder):
    data, wanted = lengths(150), spec(encoder, colsample_bytree=0.5)
    whole = context_for(data, "whole", epochs=5)
    expected = train(wanted, whole)
    left = [4]

    def stop() -> bool:
        left[0] -= 1
        return left[0] < 0

    with pytest.raises(Stopped):
        train(wanted, context_for(data, "cut", epochs=5, stop_requested=stop))
    again = context_for(data, "cut", epochs=5)
    assert train(wanted, again).metrics == expected.metrics
    for name in ("booster.json", "model.json", "bins.safetensors", "tokenizer.json"):
        assert (again.artifact / name).read_bytes() == (whole.artifact / name).read_bytes()


def test_an_llm_that_was_not_in_training_has_its_own_usual_length(context_for, encoder):
    context = context_for(lengths(), epochs=8)
    train(spec(encoder), context)
    predictor = Predictor.load(context.artifact)
    predictor.add_llm("terse", ["hello", "what is"], ["a a", "a a a"])
    predictor.add_llm("long", ["hello", "what is"], ["world " * 40, "world " * 44])
    tokens = predictor.score_llms(["what is the"], ["terse", "llm-2", "long"])[:, 0]
    assert tokens[0] < 10 and tokens[2] > tokens[1]
    predictor.add_llm("terse", ["hello"], ["world " * 40])
    assert predictor.score_llms(["what is the"], ["terse"])[0, 0] > 10
    assert list(predictor.models) == ["llm-0", "llm-1", "llm-2", "terse", "long"]


def test_going_on_keeps_the_scale_that_the_trees_were_grown_on(context_for, encoder):
    first = context_for(lengths(), "first", epochs=4)
    before = train(spec(encoder), first)
    context = context_for(lengths(seed=1), "second", epochs=4, start_from=first.artifact)
    after = train(spec(encoder), context)
    assert after.metrics["n_trees"] > before.metrics["n_trees"]
    assert after.metrics["log_r2"] > before.metrics["log_r2"]
    one, other = (Predictor.load(folder)._scale for folder in (first.artifact, context.artifact))
    assert one.deviation == other.deviation and (one.mean == other.mean).all()


def test_a_document_without_lengths_is_refused(context_for, encoder):
    context = context_for(lengths(100), epochs=1)
    train(spec(encoder), context)
    path = context.artifact / "model.json"
    path.write_text(path.read_text().replace('"scale"', '"scales"'))
    with pytest.raises(IntegrityError, match="scale"):
        Predictor.load(context.artifact)
