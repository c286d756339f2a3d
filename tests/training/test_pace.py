"""How often checkpoints are saved."""

from __future__ import annotations

from runner.training.pace import Saving


def test_a_small_checkpoint_is_saved_at_once_and_a_large_one_when_its_cost_is_earned():
    saved: list[str] = []
    small = Saving(lambda: saved.append("small"), 1000)
    small.if_cheap()
    small.if_cheap(last=True)
    large = Saving(lambda: saved.append("large"), 10**10)
    large.if_cheap()
    assert saved == ["small", "small"]
    large.if_cheap(last=True)
    assert saved == ["small", "small"]
    large.now()
    assert saved == ["small", "small", "large"]
