from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from runner import registry
from runner.builders.routing._ratings.bradley_terry import bradley_terry, sandwich_errors, unbounded
from runner.builders.routing._ratings.pair_counts import count_pairs, redrawn_pairs
from runner.data.comparisons import TIE, A, B
from runner.errors import DataError, ExitCode

kind = registry.load("bradley_terry_scoring")

POINTS = 400 / math.log(10)


def spec(**fields):
    return kind.Spec(model_type="bradley_terry_scoring", **({"min_model_occurrences": 1} | fields))


def plainly(data, ridge=0.0):
    """The maximum of the likelihood, comparison by comparison, by somebody else's optimiser."""
    y = np.select([data.winner == A, data.winner == B], [1.0, 0.0], 0.5)
    a, b, n_models = data.model_a, data.model_b, len(data.models)
    design = np.zeros((len(data), n_models))
    design[np.arange(len(data)), a], design[np.arange(len(data)), b] = 1, -1

    def loss(s):
        d = design @ s
        return (np.logaddexp(0, d) - y * d).sum() + ridge / 2 * (s**2).sum()

    def gradient(s):
        return design.T @ (1 / (1 + np.exp(-design @ s)) - y) + ridge * s

    def hessian(s):
        p = 1 / (1 + np.exp(-design @ s))
        return design.T @ (design * (p * (1 - p))[:, None]) + (ridge + 1e-9) * np.eye(n_models)

    found = minimize(
        loss, np.zeros(n_models), jac=gradient, hess=hessian, method="trust-exact", options={"gtol": 1e-11}
    )
    s = found.x
    for _ in range(3):
        s = s - np.linalg.lstsq(hessian(s), gradient(s), rcond=None)[0]
    return s - s.mean()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_it_agrees_with_an_independent_computation(toolbox, seed, ridge):
    data = toolbox.synthetic(700, 8, seed)
    strengths = bradley_terry(count_pairs(data), ridge)
    np.testing.assert_allclose(strengths, plainly(data, ridge), rtol=0, atol=1e-9)
    assert strengths.mean() == pytest.approx(0, abs=1e-12)


@pytest.mark.slow
def test_it_agrees_with_arena_rank(toolbox):
    import pandas as pd
    from arena_rank.models.bradley_terry import BradleyTerry
    from arena_rank.utils.data_utils import PairDataset

    data = toolbox.synthetic(3000, 7)
    words = np.array(["model_a", "model_b", "tie", "both_bad"])
    frame = pd.DataFrame(
        {
            "model_a": np.array(data.models)[data.model_a],
            "model_b": np.array(data.models)[data.model_b],
            "winner": words[data.winner],
        }
    )
    # Its own stopping rule ends a few hundredths of a point early.
    reference = BradleyTerry(n_competitors=7, ftol=0.0, gtol=1e-12).compute_ratings_and_cis(
        PairDataset.from_pandas(frame), ci_method="sandwich"
    )
    assert tuple(reference["competitors"]) == data.models
    pairs = count_pairs(data)
    strengths = bradley_terry(pairs)
    reach = 1.959963984540054 * POINTS * sandwich_errors(pairs, strengths)
    ratings = 1000 + POINTS * strengths
    np.testing.assert_allclose(ratings, np.asarray(reference["ratings"]), rtol=0, atol=1e-6)
    np.testing.assert_allclose(ratings - reach, np.asarray(reference["rating_lower"]), rtol=0, atol=1e-6)
    np.testing.assert_allclose(ratings + reach, np.asarray(reference["rating_upper"]), rtol=0, atol=1e-6)


def test_samples_are_fitted_together_as_one_by_one(toolbox):
    (many,) = redrawn_pairs(toolbox.synthetic(60, 6), 20, seed=3)
    together = bradley_terry(many, 1e-4)
    assert together.shape == (20, 6)
    for number in range(20):
        one = type(many)(6, many.i, many.j, many.wins_i[number], many.wins_j[number], many.ties[number])
        np.testing.assert_allclose(together[number], bradley_terry(one, 1e-4), rtol=1e-6, atol=1e-6)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 4), st.sampled_from([A, B, TIE])), min_size=1, max_size=14))
def test_the_maximum_exists_where_every_llm_reaches_every_other(toolbox, rows):
    names = tuple("abcde")
    data = toolbox.outcomes(*[(names[a], names[(a + d) % 5], w) for a, d, w in rows], models=names)
    reach = np.eye(5, dtype=bool)
    for a, d, w in rows:
        b = (a + d) % 5
        reach[a, b] |= w in (A, TIE)
        reach[b, a] |= w in (B, TIE)
    for middle in range(5):
        reach |= np.outer(reach[:, middle], reach[middle])
    groups = unbounded(count_pairs(data))
    assert (groups == []) == bool(reach.all())
    if groups:
        assert sorted(m for group in groups for m in group) == [0, 1, 2, 3, 4]
    else:
        np.testing.assert_allclose(bradley_terry(count_pairs(data)), plainly(data), atol=1e-6)
    assert np.isfinite(bradley_terry(count_pairs(data), 1e-4)).all()


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("a", "b", A), ("b", "a", A), ("c", "a", A), ("c", "b", A)], "'c': only won against the others"),
        ([("a", "b", A), ("b", "a", A), ("a", "c", A)], "'c': only lost to the others"),
        ([("a", "b", A), ("b", "a", A), ("c", "d", TIE)], "'c', 'd': never compared with the others"),
    ],
)
def test_a_likelihood_without_a_maximum_is_refused_by_name(toolbox, context_for, rows, words):
    data = toolbox.split(toolbox.outcomes(*rows * 3), 0.0)
    with pytest.raises(DataError) as refused:
        kind.train(spec(), context_for(data))
    assert words in refused.value.message
    assert refused.value.where == "/model/spec/regularization" and "0.01" in refused.value.hint
    assert refused.value.code is ExitCode.DATA
    context = context_for(data)
    result = kind.train(spec(regularization=0.01), context)
    assert any(words in warning["message"] for warning in context.emit.of("warning"))
    assert result.metrics["unbounded_groups"] == 2
    assert all(np.isfinite(row["score"]) for row in result.tables["leaderboard"])


def test_a_rating_is_on_the_scale_that_the_spec_names(data, context_for):
    strengths = bradley_terry(count_pairs(data.train))
    context = context_for(data)
    result = kind.train(spec(scale=200.0, base=2.0, initial_rating=50.0), context)
    expected = 200 / math.log(2) * strengths
    np.testing.assert_allclose(kind.Predictor.load(context.artifact).scores, expected, atol=1e-9)
    rows = {row["model"]: row for row in result.tables["leaderboard"]}
    for number, name in enumerate(data.train.models):
        assert rows[name]["rating"] == pytest.approx(50 + expected[number])
        assert rows[name]["low"] < rows[name]["score"] < rows[name]["high"]


def test_the_intervals_are_the_sandwich_where_nothing_is_redrawn(data, context_for):
    rows = kind.train(spec(bootstrap_samples=0), context_for(data)).tables["leaderboard"]
    assert all((row["low"], row["high"]) == (row["sandwich_low"], row["sandwich_high"]) for row in rows)
    redrawn = kind.train(spec(bootstrap_samples=400), context_for(data, "more")).tables["leaderboard"]
    for row in redrawn:
        # Two methods for one thing: here every prompt's comparisons are independent.
        assert row["high"] - row["low"] == pytest.approx(row["sandwich_high"] - row["sandwich_low"], rel=0.2)


def test_the_temperature_of_untied_data_is_the_scale(toolbox, context_for):
    data = toolbox.synthetic(3000, 5)
    result = kind.train(spec(), context_for(toolbox.split(data.take(np.flatnonzero(data.decided)), 0.0)))
    assert result.metrics["temperature"] == pytest.approx(POINTS, rel=1e-6)
