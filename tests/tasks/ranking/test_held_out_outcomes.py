"""What held-out answers were worth and cost: of comparisons by who won, of a matrix by its scores and costs."""

from __future__ import annotations

import numpy as np
import pytest

from runner.contract import LoadContext, ModelSpec
from runner.data.comparisons import ComparisonsData
from runner.inference.routing.costs import Costs
from runner.inference.routing.held_out_costs import costs_of
from runner.tasks.ranking.asking import Asked
from runner.tasks.ranking.held_out_outcomes import held_out_outcomes
from runner.tasks.ranking.outcome_bench import outcomes, sentences
from runner.tasks.ranking.prices import Price
from tests.data.outcomes import published
from tests.data.outcomes.published import COSTS, MODELS, PROMPTS


class Ratings(ModelSpec):
    reads = frozenset[str]()


@pytest.fixture
def held(tmp_path):
    def load(path):
        context = LoadContext(Ratings(model_type="x"), tmp_path, lambda *_, **__: None)
        return ComparisonsData(dataset=str(path)).load(context).validation

    return load


def test_a_matrix_has_its_own_scores_and_costs(tmp_path, held):
    rows = held(published.long(tmp_path))
    found = held_out_outcomes(rows, MODELS[::-1])
    lines = [PROMPTS.index(rows.prompts[at]) for at in found.prompt]
    assert found.scored and found.has_costs and len(lines) == len(rows.outcomes) == 5
    assert found.quality.tolist() == [[published.score(row, at) for at in (2, 1, 0)] for row in lines]
    assert (found.cost == COSTS[::-1]).all() and (found.completion_tokens == [7, 6, 5]).all()


def test_comparisons_have_the_share_that_was_won(tmp_path, held):
    rows = [[f"p{at}", "a", "b", word] for at in range(10) for word in ("model_a", "tie")]
    path = published.table(tmp_path / "x.csv", ["prompt", "model_a", "model_b", "winner"], rows)
    found = held_out_outcomes(held(path), ["a", "b", "c"])
    assert not found.scored and not found.has_costs
    assert (found.quality[:, :2] == [0.75, 0.25]).all() and np.isnan(found.quality[:, 2]).all()


def test_costs_are_the_data_s_then_by_its_tokens_then_the_table_s(tmp_path, held):
    table = Costs({name: Price(call=1.0, output=1e6) for name in MODELS}, "costs.json")
    rows = held(published.long(tmp_path))
    found = held_out_outcomes(rows, MODELS)
    expected = np.full((3, len(found.prompt)), 100.0)
    assert costs_of(found, table, expected)[1] == "the data's own"
    rows = held(published.embedllm(tmp_path))
    cost, source = costs_of(held_out_outcomes(rows, MODELS), table, expected)
    assert (cost == 100).all() and source == "the table's"
    lines = [[*line[:3], line[5]] for line in published.long_rows()]
    path = published.table(tmp_path / "t.csv", ["prompt", "model", "score", "completion_tokens"], lines)
    cost, source = costs_of(held_out_outcomes(held(path), MODELS), table, expected)
    assert (cost == 100).all() and source == "the table's"
    lines = [[*line[:3], *line[4:6]] for line in published.long_rows()]
    path = published.table(
        tmp_path / "u.csv", ["prompt", "model", "score", "prompt_tokens", "completion_tokens"], lines
    )
    cost, source = costs_of(held_out_outcomes(held(path), MODELS), table, expected)
    assert (cost == [6, 7, 8]).all() and source == "the table's prices for the data's own tokens"


class Entry:
    label = "knn/it"


def test_what_a_router_would_have_bought(tmp_path, held):
    rows = held(published.wide(tmp_path))
    quality = held_out_outcomes(rows, MODELS).quality
    prompts = np.unique(rows.prompt)
    perfect = Asked(quality.T, prompts, MODELS, 0.1)
    small = Asked(np.tile([[0.0], [1.0], [0.0]], len(prompts)), prompts, MODELS, 0.1)
    found = outcomes([Entry(), Entry()], [perfect, small], rows, 1)
    best, second = found["routers"]
    assert best["quality"] == found["oracle"]["quality"] == quality.max(axis=1).mean()
    assert second["quality"] == quality[:, 1].mean() and second["cost"] == pytest.approx(COSTS[1])
    single = quality.mean(axis=0).max()
    assert best["versus_single"]["value"] == pytest.approx(best["quality"] - single)
    assert found["oracle"]["cost"] < best["cost"]
    (told,) = sentences(found)
    assert "at a mean cost of 0.004" in told and found["best_single"] in told


def test_comparisons_have_no_such_bench(tmp_path, held):
    rows = [[f"p{at}", "a", "b", "model_a"] for at in range(10)]
    rows = held(published.table(tmp_path / "x.csv", ["prompt", "model_a", "model_b", "winner"], rows))
    assert outcomes([], [Asked(np.zeros((2, 2)), rows.prompt, ("a", "b"), 0.1)], rows, 1) is None
    assert sentences(None) == []
