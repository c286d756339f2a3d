"""A new LLM's estimate from few prompts: what is planted is found, what is chance is shrunk to the mean."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from runner.tasks.ranking.calibration import probability
from runner.tasks.ranking.few_prompts import FewPrompts, clusters, estimate, mean_of_known, nearest
from runner.tasks.ranking.few_prompts_check import cross_checked

KNOWN, PROMPTS = 5, 60


def planted(truth, *, prompts: int = PROMPTS, seed: int = 0, spread: float = 2.0) -> tuple[FewPrompts, np.ndarray]:
    """Comparisons of a new LLM whose score is ``truth(scores, group)``, with two known LLMs on each prompt."""
    rng = np.random.default_rng(seed)
    group = np.arange(prompts) % 3
    vectors = 3 * np.eye(8)[group] + rng.normal(0, 0.2, (prompts, 8))
    scores = rng.normal(0, spread, (prompts, KNOWN))
    mine = truth(scores, group)
    rival = np.concatenate([rng.permutation(KNOWN)[:2] for _ in range(prompts)])
    prompt = np.repeat(np.arange(prompts), 2)
    won = (rng.random(len(prompt)) < probability(mine[prompt] - scores[prompt, rival])).astype(float)
    return FewPrompts(scores, vectors, prompt, rival, won, np.ones(len(prompt))), mine


def test_an_llm_that_is_like_a_known_one_is_mostly_that_one():
    few, _ = planted(lambda scores, group: scores[:, 2])
    found = estimate(few)
    assert found.mixture.argmax() == 2 and found.mixture[2] > 0.5
    assert found.mixture.sum() == pytest.approx(1)


def test_what_it_does_on_some_prompts_alone_is_found_as_offsets_of_clusters():
    lead = np.array([3.0, 0.0, -3.0])
    few, mine = planted(lambda scores, group: scores.mean(axis=1) + lead[group], spread=0.3)
    found = estimate(few)
    assert found.offset_variance > 0 and found.own.mean() > 0.3
    error = found.scores(few.scores, few.vectors) - mine
    assert np.abs(error).mean() < 1.0 < np.abs(mean_of_known(few).scores(few.scores, few.vectors) - mine).mean()
    assert cross_checked(few, [str(at) for at in range(PROMPTS)]).difference.high < 0


def test_what_is_chance_is_shrunk_to_the_mean_of_the_others_and_said():
    few, _ = planted(lambda scores, group: scores.mean(axis=1), prompts=16, spread=0.2)
    shuffled = replace(few, won=(np.arange(len(few.won)) % 2).astype(float))
    found = estimate(shuffled)
    assert found.offset_variance == 0 and not found.offsets.any()
    assert np.abs(found.scores(few.scores, few.vectors) - few.scores.mean(axis=1)).max() < 0.5
    assert "mean of the known LLMs" in (cross_checked(shuffled, [str(at) for at in range(16)]).warning("new") or "")


def test_without_a_comparison_it_is_the_mean_of_the_others():
    few, _ = planted(lambda scores, group: scores[:, 0])
    none = replace(few, prompt=few.prompt[:0], rival=few.rival[:0], won=few.won[:0], weight=few.weight[:0])
    np.testing.assert_allclose(
        estimate(none).scores(few.scores, few.vectors), mean_of_known(none).scores(few.scores, few.vectors), atol=1e-12
    )


def test_of_a_router_that_reads_no_prompt_it_is_one_level():
    few, _ = planted(lambda scores, group: np.full(len(scores), 1.5), spread=0.0)
    flat = replace(few, scores=np.tile([0.5, 0.2, -0.1, -0.2, -0.4], (PROMPTS, 1)), vectors=None)
    found = estimate(flat)
    np.testing.assert_allclose(found.mixture, 1 / KNOWN)
    scores = found.scores(flat.scores, None)
    assert np.ptp(scores) == pytest.approx(0) and 0.5 < scores[0] < 2.5


def test_one_that_won_or_lost_everything_has_a_finite_level():
    few, _ = planted(lambda scores, group: scores.mean(axis=1))
    for won in (0.0, 1.0):
        scores = estimate(replace(few, won=np.full(len(few.won), won))).scores(few.scores, few.vectors)
        assert np.isfinite(scores).all()
        assert ((scores - few.scores.mean(axis=1)).mean() > 0) == bool(won)


def test_more_prompts_make_the_interval_narrower():
    widths = [estimate(planted(lambda s, g: s.mean(axis=1) + 1, prompts=count)[0]).overall[1] for count in (12, 120)]
    assert widths[1] < widths[0] / 2


def test_several_comparisons_on_one_prompt_count_for_five_at_most():
    few, _ = planted(lambda scores, group: scores[:, 0])
    one = replace(few, prompt=np.zeros(40, np.int64), rival=np.arange(40) % KNOWN, won=np.ones(40), weight=np.ones(40))
    assert one.effective().sum() < 5


def test_groups_are_of_prompts_alike_and_hang_on_no_seed():
    few, _ = planted(lambda scores, group: scores[:, 0])
    centres = clusters(few.vectors)
    np.testing.assert_array_equal(centres, clusters(few.vectors))
    group = np.arange(PROMPTS) % 3
    for each in np.unique(nearest(few.vectors, centres)):
        assert len(set(group[nearest(few.vectors, centres) == each])) == 1


def test_prompts_that_all_look_the_same_are_one_group():
    assert len(clusters(np.ones((40, 4)))) == 1
