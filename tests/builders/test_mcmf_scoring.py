from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner import registry
from runner.builders.routing._ratings.min_cost_flow import (
    arcs,
    drawn,
    least_cost_flow,
    potentials,
    scores_of,
    told_apart,
)
from runner.builders.routing._ratings.pair_counts import count_pairs, redrawn_pairs
from runner.builders.routing.mcmf_scoring import training
from runner.data.comparisons import BOTH_BAD, TIE, A, B
from runner.errors import Stopped

kind = registry.load("mcmf_scoring")

SPEC = kind.Spec(model_type="mcmf_scoring", min_model_occurrences=1, within_levels="equal")
APART = SPEC.model_copy(update={"within_levels": "least_squares"})

#: Some LLMs' wins over others: (winner, loser, how often).
wins = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3), st.integers(1, 4)), min_size=1, max_size=10)


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    monkeypatch.setattr(training, "DRAWS", 6)


def played(toolbox, rows, n_models=4):
    names = tuple("abcdefgh"[:n_models])
    one_by_one = [(names[a], names[(a + d) % n_models], A) for a, d, times in rows for _ in range(times)]
    return count_pairs(toolbox.outcomes(*one_by_one, models=names))


def hinge(pairs, scores):
    """The L1 criterion of scores ``[..., n_models]``."""
    gap = scores[..., pairs.i] - scores[..., pairs.j]
    return (pairs.wins_i * np.maximum(0, 1 - gap) + pairs.wins_j * np.maximum(0, 1 + gap)).sum(axis=-1)


def solved(toolbox, context_for, rows, spec=SPEC, **changes):
    context = context_for(toolbox.split(toolbox.outcomes(*rows), 0.0), **changes)
    result = kind.train(spec, context)
    predictor = kind.Predictor.load(context.artifact)
    potential = {row["model"]: row["potential"] for row in result.tables["leaderboard"]}
    return result, dict(zip(predictor.models, predictor.scores.tolist(), strict=True)), potential, context


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wins)
def test_the_potentials_are_the_least_of_all_that_are_optimal(toolbox, rows):
    pairs = played(toolbox, rows)
    everything = np.array(list(itertools.product(range(5), repeat=4)), float)
    values = hinge(pairs, everything)
    best = everything[values == values.min()]
    assert potentials(pairs).tolist() == best.min(axis=0).tolist()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(1, 6), st.integers(1, 9)), min_size=1, max_size=25),
)
def test_flow_and_potentials_prove_each_other_optimal(toolbox, rows):
    pairs = played(toolbox, rows, 7)
    tail, head, capacity = arcs(pairs)
    flow, s = least_cost_flow(pairs), potentials(pairs)
    won, lost = np.zeros(7), np.zeros(7)
    np.add.at(won, tail, capacity)
    np.add.at(lost, head, capacity)
    leaves, enters = np.zeros(7), np.zeros(7)
    np.add.at(leaves, tail, flow)
    np.add.at(enters, head, flow)
    # What the source gives and what the sink takes, filled to the brim: no flow is greater.
    np.testing.assert_array_equal(won + enters, lost + leaves)
    gap = s[tail] - s[head]
    assert (gap[flow > 0] >= 1).all() and (gap[flow < capacity] <= 1).all()
    # Strong duality, the cost of the flow against the dual's value.
    assert flow.sum() == capacity.sum() - hinge(pairs, s)


@pytest.mark.parametrize("seed", range(3))
def test_it_agrees_with_the_graph_as_it_is_described_solved_by_somebody_else(toolbox, seed):
    pairs = count_pairs(toolbox.synthetic(300, 8, seed))
    tail, head, capacity = (values.astype(int).tolist() for values in arcs(pairs))
    graph = nx.DiGraph()
    for i, j, c in zip(tail, head, capacity, strict=True):
        graph.add_edge(i, j, capacity=c, weight=1)
        for u, v in (("source", i), (j, "sink")):
            have = graph.get_edge_data(u, v, {"capacity": 0})["capacity"]
            graph.add_edge(u, v, capacity=have + c, weight=0)
    flow = nx.max_flow_min_cost(graph, "source", "sink")
    residual = nx.DiGraph()
    residual.add_weighted_edges_from(("anywhere", m, 0) for m in range(8))
    for i, j, c in zip(tail, head, capacity, strict=True):
        for u, v, cost in ((i, j, 1),) * (flow[i][j] < c) + ((j, i, -1),) * (flow[i][j] > 0):
            if cost < residual.get_edge_data(u, v, {"weight": 2})["weight"]:
                residual.add_edge(u, v, weight=cost)
    distance = nx.single_source_bellman_ford_path_length(residual, "anywhere")
    assert potentials(pairs).tolist() == [-distance[m] for m in range(8)]


def test_a_chain_of_wins_is_a_ladder(toolbox, context_for):
    result, scores, potential, _ = solved(toolbox, context_for, [("c", "b", A), ("b", "a", A), ("a", "c", B)])
    assert potential == {"c": 2, "b": 1, "a": 0}
    assert scores == pytest.approx({"c": 1.5**0.5, "b": 0.0, "a": -(1.5**0.5)})
    assert result.metrics["levels"] == 3 and result.metrics["upsets"] == 0


def test_a_circle_of_wins_tells_nobody_apart(toolbox, context_for):
    result, scores, _, _ = solved(toolbox, context_for, [("a", "b", A), ("b", "c", A), ("c", "a", A)])
    assert set(scores.values()) == {0.0}
    assert result.metrics["one_sided_groups"] == 0


def test_an_upset_costs_what_it_goes_against_the_scores(toolbox, context_for):
    rows = [("a", "b", A)] * 3 + [("b", "a", A)] + [("b", "c", A)] * 3 + [("c", "b", A)] + [("c", "a", A)]
    _, _, potential, _ = solved(toolbox, context_for, rows)
    # Going against a step costs 2 and against two steps 3: 2 + 2 + 3 = 7, where nothing told apart costs the 9 wins.
    assert potential == {"a": 2, "b": 1, "c": 0}
    _, _, potential, _ = solved(toolbox, context_for, [*rows, *[("c", "a", A)] * 3])
    # The two steps would cost 2 + 2 + 4 * 3 = 16 now, and nothing told apart 12; c above both is 3 + 1 + 3 * 2 = 10.
    assert potential == {"a": 0, "b": 0, "c": 1}


def test_ties_do_not_count(toolbox, context_for):
    rows = [("c", "b", A), ("b", "a", A)]
    _, plain, _, _ = solved(toolbox, context_for, rows)
    _, tied, _, _ = solved(toolbox, context_for, [*rows, *[("a", "c", TIE), ("a", "b", BOTH_BAD)] * 9])
    assert plain == tied


def test_nothing_decided_scores_zero(toolbox, context_for):
    result, scores, _, context = solved(toolbox, context_for, [("a", "b", TIE), ("b", "c", BOTH_BAD)])
    assert scores == {"a": 0.0, "b": 0.0, "c": 0.0}
    assert result.metrics["components"] == 3
    assert all(np.isfinite([row["low"], row["high"]]).all() for row in result.tables["leaderboard"])
    assert any("'b'; 'c'" in warning["message"] for warning in context.emit.of("warning"))


def test_groups_that_never_met_are_solved_on_their_own_and_named(toolbox, context_for):
    first = [("c", "b", A), ("b", "a", A), ("b", "a", A), ("a", "b", A), ("a", "c", A), ("b", "c", A)]
    second = [("y", "x", A), ("y", "x", A), ("x", "y", A)]
    _, alone, _, _ = solved(toolbox, context_for, first)
    result, scores, potential, context = solved(toolbox, context_for, [*first, *second])
    assert result.metrics["components"] == 2
    (warning,) = [w for w in context.emit.of("warning") if "cannot be compared" in w["message"]]
    assert warning["message"].endswith("'x', 'y'")
    assert np.isfinite(list(scores.values())).all()
    assert (potential["x"], potential["y"]) == (0, 1)
    assert scores["x"] == pytest.approx(-scores["y"]) and scores["y"] > 0
    # The other group's scores are those that it has alone, but for the common scale.
    inner = np.array([scores[m] for m in "abc"])
    np.testing.assert_allclose(inner / inner.std(), [alone[m] for m in "abc"], atol=1e-12)
    assert np.std(list(scores.values())) == pytest.approx(1)


def test_an_llm_that_only_won_is_placed_and_named(toolbox, context_for):
    rows = [("a", "b", A), ("b", "a", A), ("w", "a", A), ("w", "b", A)]
    result, scores, potential, context = solved(toolbox, context_for, rows)
    assert potential == {"a": 0, "b": 0, "w": 1}
    assert result.metrics["components"] == 1 and result.metrics["one_sided_groups"] == 2
    (warning,) = [w for w in context.emit.of("warning") if "upper limit" in w["message"]]
    assert "'w': only won against the others" in warning["message"]
    assert scores["w"] == pytest.approx(2**0.5)


def test_the_bootstrap_solves_every_sample(toolbox):
    (many,) = redrawn_pairs(toolbox.synthetic(60, 5), 5, seed=1)
    samples = drawn(many)
    assert [sample.total.sum() for sample in samples] == [60.0] * 5
    for number, sample in enumerate(samples):
        np.testing.assert_array_equal(sample.wins_i, many.wins_i[number])
        scores = scores_of(potentials(sample), sample)
        assert np.isfinite(scores).all() and scores.mean() == pytest.approx(0, abs=1e-12)


def test_equals_are_told_apart_by_their_win_rates(toolbox, context_for):
    # c won 5 of the 9 between b and c.
    rows = [("a", m, A) for m in "bc" for _ in range(4)] + [(m, "d", A) for m in "bc" for _ in range(4)]
    # A step between them would raise a above d once more, against two wins of d.
    rows += [("c", "b", A)] * 5 + [("b", "c", A)] * 4 + [("a", "d", A)] * 3 + [("d", "a", A)] * 2
    _, equal, potential, _ = solved(toolbox, context_for, rows)
    assert potential["b"] == potential["c"] and equal["b"] == equal["c"]
    result, scores, same, _ = solved(toolbox, context_for, rows, APART, name="apart")
    assert same == potential and result.metrics["levels"] == len(set(potential.values()))
    assert scores["a"] > scores["c"] > scores["b"] > scores["d"]
    # By the equations of least squares, by hand: b and c stand t / 2 from each other when all else is equal, t = 1/9,
    # and the pull of a and d is the same on both, so that (2 + 1 + 1) * gap = 2 * t.
    steps = (scores["a"] - scores["d"]) / (potential["a"] - potential["d"])
    assert (scores["c"] - scores["b"]) / steps == pytest.approx(2 / 9 / 4, abs=1e-8)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wins)
def test_telling_equals_apart_keeps_the_levels_in_their_order(toolbox, rows):
    pairs = played(toolbox, rows)
    found = potentials(pairs)
    apart = told_apart(found, pairs)
    assert (np.abs(apart - found) <= 0.25 + 1e-9).all()
    for level in np.unique(found):
        assert apart[found == level].mean() == pytest.approx(level, abs=1e-8)


def test_groups_that_never_met_share_no_level(toolbox):
    rows = [("a", "b", A), ("b", "a", A), ("y", "x", A), ("x", "y", A), ("y", "x", A), ("x", "y", A), ("y", "x", A)]
    pairs = count_pairs(toolbox.outcomes(*rows))
    apart = told_apart(np.zeros(4), pairs)
    np.testing.assert_allclose(apart, [0, 0, -0.1, 0.1], atol=1e-9)


def test_rounding_tells_nobody_apart(toolbox):
    pairs = count_pairs(toolbox.outcomes(*[(a, b, A) for a, b in itertools.permutations("abcdefg", 2)]))
    assert told_apart(np.zeros(7), pairs).tolist() == [0.0] * 7


def test_training_is_measured_and_has_intervals(data, context_for, monkeypatch, capsys):
    monkeypatch.setattr(training, "DRAWS", 40)
    contexts = [context_for(data, name) for name in ("one", "two")]
    one, two = [kind.train(SPEC, context) for context in contexts]
    assert one == two
    assert all(
        row["low"] <= row["score"] + 0.5 and row["score"] <= row["high"] + 0.5 for row in one.tables["leaderboard"]
    )
    assert one.metrics["accuracy"] is not None and len({row["low"] for row in one.tables["leaderboard"]}) > 1
    assert len(capsys.readouterr().err.splitlines()) == 12


def test_asked_to_stop_between_samples_it_leaves(data, context_for):
    looks = iter(range(1, 1000))
    context = context_for(data, stop_requested=lambda: next(looks) == 4)
    with pytest.raises(Stopped):
        kind.train(SPEC, context)
    assert not list(context.artifact.iterdir())
    assert context.checkpoints.latest().step == 0
    resumed = kind.train(SPEC, context_for(data))
    assert resumed == kind.train(SPEC, context_for(data, "whole"))
