"""Losses of drawn tokens and their advantages, each against what is computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from runner.builders.language._learning import policy_losses as losses
from runner.builders.language._reinforcing import advantages

NAN = math.nan
#: Ratios e^0, e^0.5, e^-0.5 and e^0.1 of tokens that turned out better or worse than expected.
LOGS = torch.tensor([-1.0, -0.5, -1.5, -0.9])
OLD = torch.full((4,), -1.0)
BETTER = torch.tensor([2.0, 1.0, 1.0, -1.0])


def test_importance_sampling_is_the_ratio_times_the_advantage():
    ratios = [1.0, math.exp(0.5), math.exp(-0.5), math.exp(0.1)]
    wanted = [-ratio * better for ratio, better in zip(ratios, BETTER.tolist(), strict=True)]
    assert losses.importance_sampling(LOGS, OLD, BETTER).tolist() == pytest.approx(wanted)


def test_ppo_takes_the_worse_of_the_ratio_and_the_clipped_one():
    # 1.65 is cut to 1.3; 0.61 is not lifted to 0.8, as that would be more.
    wanted = [-2.0, -1.3, -math.exp(-0.5), math.exp(0.1)]
    assert losses.ppo(LOGS, OLD, BETTER, 0.2, 0.3).tolist() == pytest.approx(wanted)


def test_a_token_that_ppo_clips_has_no_gradient_and_one_that_cispo_clips_has():
    for loss, wanted in ((losses.ppo, 0.0), (losses.cispo, -1.2)):
        logs = torch.tensor([-0.5], requires_grad=True)
        loss(logs, torch.tensor([-1.0]), torch.tensor([1.0]), 0.2, 0.2).sum().backward()
        assert logs.grad is not None
        assert logs.grad.item() == pytest.approx(wanted)


def test_cispo_is_the_likelihood_times_a_ratio_that_is_a_number():
    wanted = [2.0, 1.2 * 0.5, 0.8 * 1.5, -math.exp(0.1) * 0.9]
    assert losses.cispo(LOGS, OLD, BETTER, 0.2, 0.2).tolist() == pytest.approx(wanted)


def test_the_estimate_of_the_divergence_is_its_mean_and_never_below_nothing():
    odds, others = np.array([0.7, 0.2, 0.1]), np.array([0.5, 0.2, 0.3])
    found = losses.kl_estimate(torch.from_numpy(np.log(odds)), torch.from_numpy(np.log(others))).numpy()
    assert (found >= 0).all()
    assert float((odds * found).sum()) == pytest.approx(float((odds * np.log(odds / others)).sum()))


def test_a_value_that_moved_far_counts_the_worse_of_both():
    said, old, returns = torch.tensor([1.0, 0.1]), torch.zeros(2), torch.tensor([1.0, 1.0])
    # The first would be right: cut to 0.2 it is 0.8 off.
    assert losses.clipped_values(said, old, returns, 0.2).tolist() == pytest.approx([0.32, 0.405])


def test_advantages_of_tokens_are_the_sum_of_what_came_unexpected():
    brought, said = np.array([0.0, 0.5, 2.0]), np.array([1.0, 0.25, -0.5])
    gamma, decay = 0.9, 0.8
    apart = [0.9 * 0.25 - 1.0, 0.5 + 0.9 * -0.5 - 0.25, 2.0 + 0.5]
    wanted = [sum((gamma * decay) ** (at - first) * apart[at] for at in range(first, 3)) for first in range(3)]
    better, returns = advantages.of_tokens(brought, said, gamma, decay)
    assert better.tolist() == pytest.approx(wanted)
    assert returns.tolist() == pytest.approx((np.array(wanted) + said).tolist())


def test_of_all_that_came_advantages_are_returns_over_what_was_expected():
    brought, said = np.array([1.0, 2.0, 4.0]), np.array([0.5, 0.5, 0.5])
    better, returns = advantages.of_tokens(brought, said, 1.0, 1.0)
    assert returns.tolist() == pytest.approx([7.0, 6.0, 4.0])
    assert better.tolist() == pytest.approx([6.5, 5.5, 3.5])


def test_answers_are_compared_with_their_group():
    rewards = np.array([[1.0, 3.0], [0.0, 0.0]])
    found = advantages.of_groups(rewards, "none", "mean")
    assert found.tolist() == [[-1.0, 1.0], [0.0, 0.0]]
    spread = math.sqrt(2.0)
    scaled = advantages.of_groups(rewards, "group", "mean")
    assert scaled.tolist() == [pytest.approx([-1 / (spread + 1e-4), 1 / (spread + 1e-4)]), [0.0, 0.0]]
    batch = float(np.std([1.0, 3.0, 0.0, 0.0], ddof=1))
    assert advantages.of_groups(rewards, "batch", "mean")[0].tolist() == pytest.approx(
        [-1 / (batch + 1e-4), 1 / (batch + 1e-4)]
    )
    assert advantages.equal(rewards).tolist() == [False, True]


def test_answers_are_compared_with_the_others_of_their_group():
    rewards = np.array([[1.0, 2.0, 6.0]])
    assert advantages.of_groups(rewards, "none", "others")[0].tolist() == pytest.approx([1 - 4, 2 - 3.5, 6 - 1.5])


def test_an_answer_without_a_reward_is_no_part_of_its_group():
    found = advantages.of_groups(np.array([[1.0, NAN, 3.0], [NAN, NAN, NAN]]), "none", "mean")
    assert found.tolist() == [[-1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]


def test_whitened_values_have_no_mean_and_one_variance():
    found = advantages.whitened(np.array([1.0, 2.0, 6.0]))
    assert found.mean() == pytest.approx(0.0)
    assert found.var(ddof=1) == pytest.approx(1.0, abs=1e-6)
