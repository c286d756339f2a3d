"""APGR and CPT in closed form: of a perfect order, of the worst one, and of prompts that are all alike."""

from __future__ import annotations

import numpy as np
import pytest

from runner.tasks.ranking.strong_calls import StrongCalls, call_share, gap_recovered, mean_gap_recovered

#: The strong LLM is right everywhere, the weak one on half of the prompts.
STRONG, WEAK = np.ones(40), np.repeat([0.0, 1.0], 20)


def found(lead: np.ndarray, strong: np.ndarray = STRONG, weak: np.ndarray = WEAK) -> dict[str, float]:
    calls = StrongCalls.of(lead, strong, weak)
    share = calls.strong.mean(axis=0)[None]
    recovered = gap_recovered(calls.worth.mean(axis=0)[None])
    told = {f"cpt {part}": call_share(share, recovered, part)[0] for part in (0.5, 0.8, 1.0)}
    return {"apgr": mean_gap_recovered(share, recovered)[0], **told}


def test_who_sends_the_prompts_that_need_it_recovers_the_gap_with_half_of_the_calls():
    # The part recovered rises to 1 at a share of one half: a triangle of 1/4 and a square of 1/2.
    assert found(1 - WEAK) == {
        "apgr": pytest.approx(0.75),
        "cpt 0.5": pytest.approx(0.25),
        "cpt 0.8": pytest.approx(0.4),
        "cpt 1.0": pytest.approx(0.5),
    }


def test_who_sends_the_others_first_recovers_nothing_before_half_of_the_calls():
    told = found(WEAK)
    assert told["apgr"] == pytest.approx(0.25) and told["cpt 0.5"] == pytest.approx(0.75)
    assert told["cpt 1.0"] == pytest.approx(1)


def test_equal_leads_are_a_random_choice():
    told = found(np.zeros(40))
    assert told["apgr"] == pytest.approx(0.5) and told["cpt 0.8"] == pytest.approx(0.8)


def test_without_a_gap_there_is_nothing_to_recover():
    assert all(np.isnan(value) for value in found(1 - WEAK, STRONG, STRONG).values())
