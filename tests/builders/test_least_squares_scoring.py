from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner import registry
from runner.builders.routing._ratings.least_squares import least_squares, normalise
from runner.builders.routing._ratings.pair_counts import count_pairs, count_records, redrawn_pairs
from runner.data.comparisons import BOTH_BAD, TIE, A, B

kind = registry.load("least_squares_scoring")

SPEC = kind.Spec(model_type="least_squares_scoring", min_model_occurrences=1)


def plainly(data):
    """One row s_i - s_j = t_ij a pair, solved as it stands."""
    wins = defaultdict(int)
    for a, b, w in zip(data.model_a.tolist(), data.model_b.tolist(), data.winner.tolist(), strict=True):
        if w == A:
            wins[a, b] += 1
        elif w == B:
            wins[b, a] += 1
    rows, targets = [], []
    for i, j in {tuple(sorted(pair)) for pair in wins}:
        row = [0.0] * len(data.models)
        row[i], row[j] = 1.0, -1.0
        rows.append(row)
        targets.append((wins[i, j] - wins[j, i]) / (wins[i, j] + wins[j, i]))
    scores = np.linalg.lstsq(np.array(rows), np.array(targets), rcond=None)[0]
    scores = scores - scores.mean()
    return scores / scores.std()


@pytest.mark.parametrize("seed", range(4))
def test_it_agrees_with_an_independent_computation(toolbox, seed):
    data = toolbox.synthetic(400, 9, seed)
    scores = least_squares(count_pairs(data))
    np.testing.assert_allclose(scores, plainly(data), rtol=0, atol=1e-9)
    assert scores.mean() == pytest.approx(0, abs=1e-12) and scores.std() == pytest.approx(1)


def test_ties_and_the_number_of_comparisons_do_not_count(toolbox):
    once = toolbox.outcomes(("x", "y", A), ("y", "z", A), ("z", "y", A))
    more = toolbox.outcomes(*[("y", "x", B)] * 7, ("y", "z", A), ("z", "y", A), ("x", "z", TIE), ("z", "x", BOTH_BAD))
    np.testing.assert_allclose(least_squares(count_pairs(once)), least_squares(count_pairs(more)), atol=1e-12)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(1, 4), st.sampled_from([A, B, TIE, BOTH_BAD])), min_size=1, max_size=30
    )
)
def test_counting_loses_nothing(toolbox, rows):
    names = tuple("abcde")
    data = toolbox.outcomes(*[(names[a], names[(a + d) % 5], w) for a, d, w in rows], models=names)
    pairs, records = count_pairs(data), count_records(data)
    assert pairs.total.sum() == len(rows) and (pairs.i < pairs.j).all()
    assert records.comparisons.sum() == 2 * len(rows)
    assert (records.wins + records.losses + records.ties == records.comparisons).all()
    for i, j, wins_i, wins_j, ties in zip(pairs.i, pairs.j, pairs.wins_i, pairs.wins_j, pairs.ties, strict=True):
        met = [(a, (a + d) % 5, w) for a, d, w in rows if {a, (a + d) % 5} == {i, j}]
        assert ties == sum(w in (TIE, BOTH_BAD) for _, _, w in met)
        assert wins_i == sum((w == A and a == i) or (w == B and b == i) for a, b, w in met)
        assert wins_j == sum((w == A and a == j) or (w == B and b == j) for a, b, w in met)
    scores = least_squares(pairs)
    assert np.isfinite(scores).all() and scores.mean() == pytest.approx(0, abs=1e-9)


def test_redrawn_samples_are_solved_as_one_by_one(toolbox):
    data = toolbox.synthetic(120, 5)
    (many,) = redrawn_pairs(data, 8, seed=1)
    together = least_squares(many)
    for number in range(8):
        one = type(many)(
            5, many.i, many.j, many.wins_i[number], many.wins_j[number], many.ties[number]
        )  # fmt: skip
        np.testing.assert_allclose(together[number], least_squares(one), atol=1e-9)
    assert (many.total.sum(axis=1) == 120).all(), "three comparisons of every prompt, as many prompts as there are"


def test_what_cannot_be_told_apart_scores_zero():
    assert normalise(np.full(4, 3.3)).tolist() == [0, 0, 0, 0]


def test_training_leaves_scores_a_leaderboard_and_their_intervals(data, context_for, capsys):
    context = context_for(data)
    result = kind.train(SPEC, context)
    np.testing.assert_allclose(kind.Predictor.load(context.artifact).scores, plainly(data.train), atol=1e-9)
    rows = result.tables["leaderboard"]
    assert [row["model"] for row in rows] == [f"llm-{n}" for n in (5, 4, 3, 2, 1, 0)]
    assert all(row["low"] < row["score"] < row["high"] for row in rows)
    assert result.metrics["components"] == 1 and 0.5 < result.metrics["accuracy"] < 0.9
    assert result.epochs is None and result.best_epoch is None
    assert capsys.readouterr().err.splitlines()[0].split()[:2] == ["1", "llm-5"]


def test_the_summary_can_be_left_out(data, context_for, capsys):
    kind.train(SPEC.model_copy(update={"print_summary": False}), context_for(data))
    assert capsys.readouterr() == ("", "")


def test_llms_that_only_ties_connect_are_named(toolbox, context_for):
    rows = [("a", "b", A), ("b", "a", A), ("b", "c", TIE), ("c", "d", A)] * 5
    context = context_for(toolbox.split(toolbox.outcomes(*rows), 0.0))
    result = kind.train(SPEC, context)
    (warning,) = [w for w in context.emit.of("warning") if "ties" in w["message"]]
    assert warning["message"].endswith("c, d")
    assert result.metrics["components"] == 2


def test_start_state_is_said_to_have_no_effect(data, context_for):
    first = context_for(data, "first")
    kind.train(SPEC, first)
    second = context_for(data, "second", start_from=first.artifact)
    kind.train(SPEC, second)
    assert [w["pointer"] for w in second.emit.of("warning")] == ["/model/start_state"]
