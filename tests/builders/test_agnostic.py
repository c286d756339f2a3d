from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from runner import registry
from runner.builders.routing._ratings.agnostic import AgnosticPredictor, save
from runner.contract import DataSection
from runner.errors import IntegrityError

KINDS = ["bradley_terry_scoring", "elo_scoring", "least_squares_scoring", "simple_scoring"]
SPECS = Path(__file__).parents[2] / "specs"


@pytest.fixture
def stored(tmp_path):
    save(tmp_path, ["a", "größer/b"], np.array([1.5, -0.5]), 2.0)
    return tmp_path


def test_a_score_is_the_same_for_every_prompt_and_unknown_where_unseen(stored):
    predictor = AgnosticPredictor.load(stored)
    scores = predictor.score_llms(["p", "q", "r"], ["größer/b", "nobody", "a", "a"])
    assert scores.shape == (4, 3) and scores.dtype == np.float64
    assert scores[[0, 2, 3]].tolist() == [[-0.5] * 3, [1.5] * 3, [1.5] * 3] and np.isnan(scores[1]).all()
    assert predictor.score_llms([], ["a"]).shape == (1, 0) and predictor.score_llms(["p"], []).shape == (0, 1)
    assert list(predictor.models) == ["a", "größer/b"] and predictor.temperature == 2.0


def test_an_artifact_is_safetensors_and_json(stored):
    assert sorted(path.name for path in stored.iterdir()) == ["model.json", "scores.safetensors"]
    assert json.loads((stored / "model.json").read_text(encoding="utf-8"))["models"] == ["a", "größer/b"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.json", b"{"),
        ("model.json", b"\xff\xfe"),
        ("model.json", b"[1]"),
        ("model.json", b'{"models": ["a"], "temperature": 2.0}'),
        ("model.json", b'{"models": ["a", "b"], "temperature": 0}'),
        ("model.json", b'{"models": ["a", "b"], "temperature": null}'),
        ("model.json", None),
        ("scores.safetensors", None),
        ("scores.safetensors", b""),
        ("scores.safetensors", b"\x80\x04\x95pickle"),
    ],
)
def test_anything_else_is_refused(stored, name, content):
    if content is None:
        (stored / name).unlink()
    else:
        (stored / name).write_bytes(content)
    with pytest.raises(IntegrityError) as refused:
        AgnosticPredictor.load(stored)
    assert refused.value.where == str(stored)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_says_what_it_is(name):
    kind = registry.load(name)
    assert issubclass(kind.Spec.data, DataSection)
    assert kind.Spec.uses_epochs == (name in ("elo_scoring", "simple_scoring"))
    assert kind.Spec.uses_batch_size == (name == "simple_scoring")
    fields = kind.Spec.model_fields
    assert all(field.description for field in fields.values())
    assert fields["min_model_occurrences"].default == 1000
    registry.require(name)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_has_an_example(name):
    document = json.loads((SPECS / f"{name}.json").read_text(encoding="utf-8"))
    section = document["model"]["spec"]
    assert section["model_type"] == name and document["data"]["dataset"] == "sample"
    registry.load(name).Spec.model_validate_json(json.dumps(section))


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("elo_scoring", {"k_factor": 0}),
        ("elo_scoring", {"initial_rating": "1500"}),
        ("elo_scoring", {"tie_both_bad_epsilon": -1}),
        ("elo_scoring", {"balance_model_samples": 1}),
        ("elo_scoring", {"optimizer": {"optimizer_type": "adam"}}),
        ("bradley_terry_scoring", {"base": 1}),
        ("bradley_terry_scoring", {"scale": 0}),
        ("bradley_terry_scoring", {"regularization": -0.1}),
        ("bradley_terry_scoring", {"bootstrap_samples": 10_001}),
        ("least_squares_scoring", {"print_summary": "yes"}),
        ("least_squares_scoring", {"min_model_occurrences": -1}),
        ("simple_scoring", {}),
        ("simple_scoring", {"optimizer": {"learning_rate": 0.1}}),
    ],
)
def test_what_a_kind_cannot_mean_is_refused(name, fields):
    with pytest.raises(ValueError, match="validation error"):
        registry.load(name).Spec.model_validate_json(json.dumps({"model_type": name} | fields))
