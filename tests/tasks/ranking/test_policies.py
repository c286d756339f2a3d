"""Ways to choose an LLM: what each calls, with holes and with votes, and what that is worth."""

from __future__ import annotations

import numpy as np
import pytest

from runner.tasks.ranking import policies
from tests.tasks.ranking.verdict_cases import matrix, votes, without_costs


def test_a_prompt_counts_where_the_call_has_an_outcome():
    offered = matrix(4, quality=np.array([[1, 0, np.nan], [0, 1, 1.0], [1, 1, 0.0], [np.nan, 0, 1.0]]))
    worth, known = policies.single(offered).worth(offered)
    assert known.tolist() == [False, True, True, True] and worth[known].tolist() == [1, 0, 1]
    worth, known = policies.at_random(offered).worth(offered)
    assert known.all() and worth == pytest.approx([0.5, 2 / 3, 2 / 3, 0.5])
    assert policies.oracle(offered).worth(offered)[0].tolist() == [1, 1, 1, 1]


def test_a_cost_is_that_of_the_calls_whose_worth_is_known():
    cost = np.array([[1, 2, 5.0], [1, np.nan, 5]])
    offered = matrix(2, quality=np.array([[1, 0, np.nan], [0, 1, 1.0]]), cost=cost)
    spent, known = policies.at_random(offered).spent(offered)
    assert known.tolist() == [True, False] and spent[0] == pytest.approx(1.5)
    assert policies.oracle(offered).spent(offered)[0].tolist() == [1, 5]


def test_equal_scores_go_to_the_cheapest_and_without_costs_to_the_first():
    scores = np.array([[0.0, 1], [3, 1], [3, 0]])
    assert policies.first_choice(matrix(2), scores).tolist() == [1, 0]
    assert policies.first_choice(without_costs(2), scores[::-1]).tolist() == [0, 1]


def test_of_votes_only_those_that_were_compared_are_called():
    offered = votes()
    for policy in (policies.single(offered), policies.at_random(offered), policies.oracle(offered)):
        assert policy.worth(offered)[1].all() and not policy.chance[~offered.allowed].any()
    assert policies.at_random(offered).worth(offered)[0] == pytest.approx(np.full(60, 0.5))
    standing = policies.single(offered).chance.argmax(axis=1)
    assert (standing == np.where(offered.allowed[:, 2], 2, 1)).all()


@pytest.mark.parametrize("offered", [matrix(), votes()], ids=["matrix", "votes"])
def test_shuffled_scores_are_the_mean_over_all_ways_to_shuffle_them(offered):
    scores = np.random.default_rng(5).normal(size=(3, 60))
    rng = np.random.default_rng(6)
    drawn = [np.eye(3)[policies.first_choice(offered, scores[:, rng.permutation(60)])] for _ in range(2000)]
    told = policies.shuffled(offered, scores)
    assert told.chance == pytest.approx(np.mean(drawn, axis=0), abs=0.06)
    assert told.chance.sum(axis=1) == pytest.approx(np.ones(60)) and not told.chance[~offered.allowed].any()


def test_an_llm_that_no_training_row_has_is_never_the_best_single_one():
    assert matrix(trained=np.array([0.3, 0.5, np.nan])).best == 1
    assert matrix(trained=np.array([0.5, 0.5, 0.5])).best == 0
