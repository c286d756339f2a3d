"""The loss of a pair's rewards against its closed form."""

import numpy as np
import pytest
import torch

from runner.builders.language._learning.preference_losses import bradley_terry


@pytest.mark.parametrize("center", [None, 0.25])
def test_a_pair_of_rewards_is_learned_by_the_odds_of_its_difference_beyond_the_margin(center):
    chosen, rejected, margin = np.array([[2.0, -1.0, 0.5], [0.5, 1.0, 0.5], [0.0, 0.25, 1.0]])
    wanted = np.log1p(np.exp(-(chosen - rejected - margin))) + (center or 0.0) * (chosen + rejected) ** 2
    found = bradley_terry(*map(torch.from_numpy, (chosen, rejected, margin)), center)
    assert found.tolist() == pytest.approx(wanted.tolist(), abs=1e-12)
