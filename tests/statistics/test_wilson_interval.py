"""Wilson's interval of a share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.statistics.wilson_interval import wilson


def test_it_is_that_of_the_paper():
    # Both ends solve (p - share)^2 = z^2 p (1 - p) / n.
    low, high = wilson(np.array([0.3]), np.array([20.0]))
    for end in (low[0], high[0]):
        assert (end - 0.3) ** 2 == pytest.approx(1.959963984540054**2 * end * (1 - end) / 20)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_the_share_lies_within_also_where_all_or_none_were_right(count: int, part: float):
    share = round(part * count) / count
    low, high = wilson(np.array([share, 0.0, 1.0]), np.full(3, float(count)))
    assert (low <= [share, 0, 1]).all() and (high >= [share, 0, 1]).all()
    assert low[1] == 0 and high[2] == 1 and high[1] > 0 and low[2] < 1
