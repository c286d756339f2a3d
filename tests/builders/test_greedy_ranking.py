from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner import registry
from runner.builders.routing._ratings.greedy import net_wins, ranks, scores_of, upsets
from runner.builders.routing._ratings.pair_counts import count_pairs, redrawn_pairs
from runner.data.comparisons import BOTH_BAD, TIE, A, B

kind = registry.load("greedy_ranking")


def spec(**fields):
    return kind.Spec(model_type="greedy_ranking", **({"min_model_occurrences": 1} | fields))


def trained(context, **fields):
    result = kind.train(spec(**fields), context)
    predictor = kind.Predictor.load(context.artifact)
    return result, dict(zip(predictor.models, predictor.scores.tolist(), strict=True))


#: Net wins: a +2 (3 - 1), b 0 (2 - 2), c -2 (1 - 3); the ties count for nothing.
ROWS = [("a", "b", A), ("b", "a", B), ("c", "a", A), ("a", "c", A), ("b", "c", A), ("c", "b", B), ("c", "a", TIE)]
ROWS += [("b", "c", BOTH_BAD)] * 5


@pytest.mark.parametrize(
    ("normalization", "expected"),
    [
        ("negative_rank", {"a": -1.0, "b": -2.0, "c": -3.0}),
        ("normalized", {"a": 2 / 3, "b": 1 / 3, "c": 0.0}),
        ("centered", {"a": 1.0, "b": 0.0, "c": -1.0}),
    ],
)
def test_a_score_is_made_of_the_rank_by_net_wins(toolbox, context_for, normalization, expected):
    data = toolbox.split(toolbox.outcomes(*ROWS), 0.0)
    result, scores = trained(context_for(data), score_normalization=normalization)
    assert scores == pytest.approx(expected)
    board = result.tables["leaderboard"]
    assert [(row["model"], row["rank"], row["net_wins"]) for row in board] == [("a", 1, 2), ("b", 2, 0), ("c", 3, -2)]
    # Only c's one win over a is against the order, and every order has to contradict that pair once.
    assert (result.metrics["upsets"], result.metrics["upsets_at_least"]) == (1, 1)
    assert result.metrics["upset_share"] == pytest.approx(1 / 6)


def test_negative_rank_is_the_default(data, context_for):
    _, scores = trained(context_for(data))
    assert scores == {f"llm-{number}": number - 6.0 for number in range(6)}


def test_equal_net_wins_share_a_rank_whatever_their_names(toolbox, context_for):
    rows = [("a", "z", A), ("z", "a", A), ("a", "m", A), ("z", "m", A)]
    _, scores = trained(context_for(toolbox.split(toolbox.outcomes(*rows), 0.0)))
    assert scores == {"a": -1.5, "z": -1.5, "m": -3.0}


def test_an_llm_that_only_won_is_first_and_one_that_only_tied_is_in_the_middle(toolbox, context_for):
    rows = [("w", "x", A), ("w", "y", A), ("x", "y", A), ("t", "w", TIE), ("t", "x", BOTH_BAD)]
    context = context_for(toolbox.split(toolbox.outcomes(*rows), 0.0))
    result, scores = trained(context)
    assert scores == {"w": -1.0, "x": -2.5, "t": -2.5, "y": -4.0}
    assert result.metrics["components"] == 2
    assert any("'t'" in warning["message"] for warning in context.emit.of("warning"))


def test_groups_that_never_met_are_named(toolbox, context_for):
    rows = [("a", "b", A), ("b", "c", A), ("x", "y", A)]
    context = context_for(toolbox.split(toolbox.outcomes(*rows), 0.0))
    result, _ = trained(context)
    (warning,) = [w for w in context.emit.of("warning") if w["pointer"] == "/data/dataset"]
    assert warning["message"].endswith("'x', 'y'")
    assert result.metrics["components"] == 2


def test_nothing_decided_is_no_order(toolbox, context_for):
    data = toolbox.split(toolbox.outcomes(("a", "b", TIE), ("c", "b", BOTH_BAD)), 0.0)
    result, scores = trained(context_for(data), score_normalization="centered")
    assert set(scores.values()) == {0.0}
    assert result.metrics["upset_share"] is None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3), st.sampled_from([A, B, TIE])), min_size=1, max_size=20))
def test_upsets_are_counted_as_one_by_one(toolbox, rows):
    names = tuple("abcd")
    data = toolbox.outcomes(*[(names[a], names[(a + d) % 4], w) for a, d, w in rows], models=names)
    pairs = count_pairs(data)
    won = [(a, (a + d) % 4) if w == A else ((a + d) % 4, a) for a, d, w in rows if w != TIE]
    for order in itertools.islice(itertools.permutations(range(4)), 0, 24, 5):
        scores = -np.array(order, float)
        counted = upsets(pairs, scores)
        assert counted.contradicted == sum(scores[winner] < scores[loser] for winner, loser in won)
        assert counted.at_least <= counted.contradicted <= counted.decided == len(won)
    assert upsets(pairs, np.zeros(4)).contradicted == upsets(pairs, np.zeros(4)).at_least
    net = net_wins(pairs)
    assert net.tolist() == [sum(w == m for w, _ in won) - sum(x == m for _, x in won) for m in range(4)]
    places = ranks(net)
    assert places.sum() == 10
    assert all((net[i] > net[j]) == (places[i] < places[j]) for i in range(4) for j in range(4))


def test_redrawn_samples_are_ranked_as_one_by_one(toolbox):
    (many,) = redrawn_pairs(toolbox.synthetic(60, 5), 8, seed=1)
    together = scores_of(ranks(net_wins(many)), "centered")
    for number in range(8):
        one = type(many)(5, many.i, many.j, many.wins_i[number], many.wins_j[number], many.ties[number])
        np.testing.assert_array_equal(together[number], scores_of(ranks(net_wins(one)), "centered"))
    assert len(np.unique(together, axis=0)) > 1


def test_the_intervals_hold_the_scores_and_the_summary_can_be_left_out(data, context_for, capsys):
    result, _ = trained(context_for(data))
    assert all(row["low"] <= row["score"] <= row["high"] for row in result.tables["leaderboard"])
    assert capsys.readouterr().err.splitlines()[0].split()[:2] == ["1", "llm-5"]
    trained(context_for(data), print_summary=False)
    assert capsys.readouterr() == ("", "")


def test_start_state_is_said_to_have_no_effect(data, context_for):
    first = context_for(data, "first")
    trained(first)
    second = context_for(data, "second", start_from=first.artifact)
    trained(second)
    assert [w["pointer"] for w in second.emit.of("warning")] == ["/model/start_state"]
