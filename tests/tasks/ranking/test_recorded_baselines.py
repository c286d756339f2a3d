"""What a comparison of routers says of the baselines beside them."""

from __future__ import annotations

from typing import Any

from runner.tasks.ranking.comparing_words import held_out
from runner.tasks.ranking.recorded_baselines import recorded_baselines


def manifest(accuracy: float, sure: bool, count: int = 50) -> dict[str, Any]:
    """Of a model that was measured beside a rating and nearest prompts of this accuracy."""
    row = {"accuracy": accuracy, "accuracy_low": accuracy - 0.1, "accuracy_high": accuracy + 0.1}
    against = {
        "name": "against_best",
        "title": "Against the best baseline",
        "columns": ["baseline", "gain", "low", "high", "surely better"],
        "rows": [["k nearest prompts", 0.1, 0.05 if sure else -0.05, 0.2, sure]],
    }
    rating = {"model_type": "elo_scoring", "accuracy": 0.5, "accuracy_low": None, "accuracy_high": None}
    tables = {"baselines": [rating, row | {"model_type": "k nearest prompts"}], "against_best": against}
    return {"metrics": {"n_validation": count}, "tables": tables}


def test_the_best_of_each_is_shown_and_who_does_not_beat_them():
    models = {
        "a/sure": manifest(0.7, True),
        "a/unsure": manifest(0.75, False),
        "a/older": {"metrics": {"n_validation": 50}, "tables": {"baselines": [{"model_type": "x", "accuracy": 1.0}]}},
        "a/elsewhere": manifest(0.9, False, count=40),
    }
    found = recorded_baselines(models, 50)
    assert found is not None
    assert [(row["model_type"], row["accuracy"]) for row in found["rows"]] == [
        ("k nearest prompts", 0.75),
        ("elo_scoring", 0.5),
    ]
    assert found["not_surely_better"] == ["a/unsure"]
    facts = {
        "comparisons": 50,
        "decided": 40,
        "prompts": 50,
        "models": ["x", "y"],
        "left_out": 0,
        "left_out_models": {},
    }
    said = held_out({"held_out": facts, "table": [], "baselines": found})
    assert said[-2].startswith(
        "baselines on the same comparisons: k nearest prompts 0.750 (0.650 to 0.850), elo_scoring"
    )
    assert said[-1] == "NOT surely better than the best baseline (paired 95 % interval): a/unsure"
    assert len(held_out({"held_out": facts, "table": []})) == 1


def test_without_such_models_there_is_nothing():
    assert recorded_baselines({}, 50) is None
    assert recorded_baselines({"a/elsewhere": manifest(0.9, False, count=40), "b/none": {}}, 50) is None
