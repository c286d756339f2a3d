"""How often checkpoints are saved."""

from __future__ import annotations

from runner.training.throttling import Saving


def test_a_small_checkpoint_is_saved_after_the_first_epoch_and_a_large_one_when_its_cost_is_earned():
    saved: list[str] = []
    small = Saving(lambda: saved.append("small"), 1000)
    small.between()
    assert saved == [], "it costs more than the moment that it saves"
    small.after_measuring()
    small.after_measuring(last=True)
    large = Saving(lambda: saved.append("large"), 10**10)
    large.after_measuring()
    assert saved == ["small", "small"]
    large.after_measuring(last=True)
    assert saved == ["small", "small"]
    large.now()
    assert saved == ["small", "small", "large"]


def test_a_checkpoint_within_the_first_epoch_does_not_take_the_place_of_the_one_after_it():
    saved: list[int] = []
    saving = Saving(lambda: saved.append(len(saved)), 1000)
    saving.now()
    saving.after_measuring()
    assert saved == [0, 1]
