"""Lengths by least squares: the solution, that it learns what a prompt's kind does to a length, and what it stores."""

from __future__ import annotations

import json

import numpy as np
import pytest

from runner import registry
from runner.builders.routing._lengths.length_regression import fit
from runner.errors import IntegrityError
from tests.builders.length_cases import lengths as lengths
from tests.conftest import ROOT

kind = registry.load("simple_length_prediction")

SPEC = kind.Spec(model_type="simple_length_prediction", l2=1.0)


@pytest.fixture
def problem() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(50, 6))
    prompt, model = rng.integers(50, size=400), rng.integers(3, size=400)
    return inputs, prompt, model, rng.normal(size=400) + inputs[prompt, 1] * model


def test_without_a_penalty_it_is_ordinary_least_squares(problem):
    inputs, prompt, model, target = problem
    found = fit(inputs, prompt, model, target, 3, 0.0)
    for number in range(3):
        of = model == number
        design = np.column_stack([np.ones(of.sum()), inputs[prompt[of]]])
        expected = np.linalg.lstsq(design, target[of], rcond=None)[0]
        assert found[number] == pytest.approx(expected, abs=1e-9)


def test_with_one_it_is_ridge_with_a_free_intercept(problem):
    inputs, prompt, model, target = problem
    found = fit(inputs, prompt, model, target, 4, 2.5)
    for number in range(3):
        of = model == number
        design = np.column_stack([np.ones(of.sum()), inputs[prompt[of]]])
        # A ridge is least squares with one more row a weight that asks for 0.
        asking = np.sqrt(2.5) * np.eye(7)[1:]
        expected = np.linalg.lstsq(np.vstack([design, asking]), np.append(target[of], np.zeros(6)), rcond=None)[0]
        assert found[number] == pytest.approx(expected, abs=1e-9)
    assert found[3].tolist() == [0.0] * 7, "an LLM without a row is predicted its mean"


def test_columns_that_say_the_same_share_the_weight(problem):
    inputs, prompt, model, target = problem
    doubled = np.column_stack([inputs, inputs[:, :1], np.ones(len(inputs))])
    found = fit(doubled, prompt, model, target, 3, 0.0)
    of = model == 0
    design = np.column_stack([np.ones(of.sum()), doubled[prompt[of]]])
    expected = np.linalg.lstsq(design, target[of], rcond=None)[0]
    assert found[0] == pytest.approx(expected, abs=1e-9)


def test_it_learns_what_the_means_cannot(lengths, context_for):
    context = context_for(lengths)
    result = kind.train(SPEC, context)
    means = result.tables["baselines"][0]
    assert means["log_r2"] < 0.05
    assert result.metrics["log_r2"] > 0.8
    assert result.metrics["mae_tokens"] < means["mae_tokens"] / 2
    assert result.metrics["relative_accuracy_low"] > means["relative_accuracy_high"]
    assert result.metrics["n_validation"] == sum(row["responses"] for row in result.tables["lengths"])


def test_what_is_stored_predicts_what_was_measured(lengths, context_for):
    context = context_for(lengths)
    result = kind.train(SPEC, context)
    predictor = kind.Predictor.load(context.artifact)
    held = lengths.validation
    table = predictor.score_llms(held.prompts, [*held.models, "stranger"])
    assert table.shape == (len(held.models) + 1, len(held.prompts))
    assert np.isnan(table[-1]).all()
    assert (table[:-1] >= 1).all()
    for row in result.tables["lengths"]:
        llm = held.models.index(row["model"])
        of = np.unique(np.concatenate([held.prompt[held.model_a == llm], held.prompt[held.model_b == llm]]))
        assert table[llm, of].mean() == pytest.approx(row["mean_predicted"])
    again = predictor.score_llms([held.prompts[0]], held.models, batch_size=1)
    assert again[:, 0] == pytest.approx(table[:-1, 0], rel=1e-12)


def test_an_llm_that_was_not_in_training_is_known_by_its_answers(lengths, context_for):
    context = context_for(lengths)
    kind.train(SPEC, context)
    predictor = kind.Predictor.load(context.artifact)
    before = predictor.score_llms(["Write python code for item 3."], ["coder"])
    predictor.add_llm("stranger", ["What is it?", "Tell a story."], ["word " * 12, "word " * 12])
    found = predictor.score_llms(["Write python code for item 3."], ["coder", "stranger"])
    assert found[0] == pytest.approx(before[0])
    assert found[1] == pytest.approx(12)
    predictor.add_llm("coder", ["What is it?"], ["word " * 3])
    assert sorted(predictor.models) == ["coder", "stranger", "teller", "terse"]
    assert predictor.score_llms(["Hi"], ["coder", "stranger"])[:, 0] == pytest.approx([3, 12])


def test_nothing_held_out_is_said(lengths, context_for):
    from dataclasses import replace

    empty = replace(lengths, validation=lengths.validation.take(np.zeros(0, int)))
    context = context_for(empty)
    result = kind.train(SPEC, context)
    assert result.metrics["relative_accuracy"] is None
    assert result.tables["baselines"] == []
    assert any("no response" in warning["message"] for warning in context.emit.of("warning"))


def test_a_stored_model_to_start_from_gives_nothing_to_a_closed_form(lengths, context_for):
    first = context_for(lengths, "first")
    kind.train(SPEC, first)
    second = context_for(lengths, "second", start_from=first.artifact)
    kind.train(SPEC, second)
    assert any("computed from the data alone" in warning["message"] for warning in second.emit.of("warning"))
    name = "weights.safetensors"
    assert (first.artifact / name).read_bytes() == (second.artifact / name).read_bytes()


def test_what_is_no_stored_model_is_refused(lengths, context_for):
    context = context_for(lengths)
    kind.train(SPEC, context)
    path = context.artifact / "model.json"
    document = json.loads(path.read_text())
    del document["scale"]
    path.write_text(json.dumps(document))
    with pytest.raises(IntegrityError, match="cannot be read"):
        kind.Predictor.load(context.artifact)


def test_lists_of_runs_and_of_models_show_its_relative_accuracy_as_such(desk):
    trained = desk(
        "train", "--spec-file", ROOT / "specs" / "simple_length_prediction.json", "--executor", "local", "--json"
    )
    value = trained.ok().json["metrics"]["relative_accuracy"]
    (row,) = desk("runs", "list", "--json").ok().json
    assert (row["accuracy"], row["relative_accuracy"]) == (None, value)
    for words in (("runs", "list"), ("models",)):
        assert f"{value:.4f} rel." in desk(*words).ok().out
