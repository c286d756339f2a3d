"""The verdict that a training adds: from a matrix, from votes, and from what tells nothing; as it is recorded."""

from __future__ import annotations

import numpy as np
import pytest

from runner.contract import LoadContext, ModelSpec
from runner.data.comparisons import ComparisonsData
from runner.data.outcomes import Outcomes
from runner.tasks.ranking.held_out_outcomes import held_out_outcomes
from runner.tasks.ranking.recorded_verdict import lines, sentences
from runner.tasks.ranking.training_verdict import training_verdict
from tests.data.outcomes import published


class Ratings(ModelSpec):
    reads = frozenset[str]()


@pytest.fixture
def loaded(tmp_path):
    def load(path, **fields):
        context = LoadContext(Ratings(model_type="x"), tmp_path, lambda *_, **__: None)
        return ComparisonsData(dataset=str(path), validation_split=0.5, **fields).load(context)

    return load


def test_of_a_matrix_it_reckons_with_the_costs_of_training(tmp_path, loaded):
    data = loaded(published.wide(tmp_path), outcomes=Outcomes(pairs_per_prompt="all"))
    held = held_out_outcomes(data.validation, data.train.models)
    metrics, tables = training_verdict(data.train, data.validation, held.quality.T, 0.1, 5)
    assert metrics["gap_to_oracle"] == 0 and metrics["aiq"] > 0.8 and metrics["cost_saved"] > 0.5
    said = lines(tables)
    assert said[1].split() == ["policy", "quality", "95", "%", "interval", "mean", "cost", "prompts", "calls"]
    assert [line.split("  ")[0] for line in said[2:5]] == ["this router", "always acme/large", "random"]
    assert any(line.startswith("AIQ 0.") and "APGR, acme/large over other/tiny" in line for line in said)
    assert said[-len(sentences(tables)) :] == sentences(tables)
    rows = tables["cost_quality"]["rows"]
    assert rows[0][0] == pytest.approx(0.001) and rows[-1][0] == pytest.approx(0.02)
    assert all(own >= single - 1e-9 for _, own, single in rows)


def test_of_votes_it_has_no_costs_and_of_ties_alone_nothing(tmp_path, loaded):
    votes = [[f"p{at}", *(("a", "b"), ("b", "c"))[at % 2], "model_a"] for at in range(40)]
    path = published.table(tmp_path / "v.csv", ["prompt", "model_a", "model_b", "winner"], votes)
    data = loaded(path)
    scores = np.tile([[2.0], [1.0], [0.0]], len(np.unique(data.validation.prompt)))
    metrics, tables = training_verdict(data.train, data.validation, scores, 1.0, 5)
    assert "aiq" not in metrics and "one order of the LLMs, a first" in tables["verdict"]["note"]
    assert "mean cost" not in lines(tables)[1]
    tied = data.validation.take(data.validation.winner > 1)
    assert training_verdict(data.train, tied, scores, 1.0, 5) == ({}, {})


@pytest.mark.parametrize(
    "torn",
    [
        {},
        {"verdict": 3},
        {"verdict": {"name": "verdict", "title": "x", "columns": [], "rows": [], "note": 4}},
        {"verdict": {"name": "verdict", "title": "x", "columns": ["a", "b"], "rows": [[1]], "note": "said"}},
    ],
)
def test_what_is_torn_is_left_out(torn):
    assert lines(torn) == [] and isinstance(sentences(torn), list)
