"""The verdict on a router: gains with intervals, what is left out and why, and the sentence that says no."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from runner.tasks.ranking.recorded_verdict import lines
from runner.tasks.ranking.verdict import Verdict, verdict
from runner.tasks.ranking.verdict_words import measure_names, metrics, recorded, sentences
from tests.tasks.ranking.verdict_cases import COSTS, matrix, votes, without_costs


def told(offered, scores, **options) -> Verdict:
    found = verdict(offered, np.asarray(scores, float), 1.0, 7, **options)
    assert found is not None
    return found


def quality(found: Verdict) -> dict[str, float]:
    return {row.name: row.quality.value for row in found.policies}


def gain(found: Verdict, name: str) -> float:
    return found.measures[name].found.value


def noise(prompts: int = 60, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(3, prompts))


def constant(prompts: int = 60) -> np.ndarray:
    return np.tile([[0.0], [1.0], [2.0]], prompts)


@pytest.mark.parametrize("offered", [matrix(), matrix(seed=4), without_costs(), votes()])
@pytest.mark.parametrize("scores", [noise(), noise(seed=9), constant()])
def test_no_policy_is_above_the_oracle(offered, scores):
    worth = quality(told(offered, scores))
    assert max(worth.values()) == worth["oracle"]


@pytest.mark.parametrize("offered", [matrix(), votes()])
def test_who_knows_the_answers_is_better_than_every_other_and_says_so(offered):
    found = told(offered, np.nan_to_num(offered.quality.T, nan=-1.0) + 0.01 * noise())
    for name in ("gain_over_single", "gain_over_random", "gain_over_shuffled"):
        assert gain(found, name) > 0 and found.surely_above(name)
    assert gain(found, "gap_to_oracle") == 0 and gain(found, "apgr") > 0.5
    assert sentences(found)[0].startswith("Better than ")


def test_noise_is_no_better_than_the_best_single_llm_and_says_so():
    found = told(matrix(), noise())
    assert not found.surely_above("gain_over_single")
    assert sentences(found)[0].startswith("No better than always large, the best single LLM of training: gain -")


def test_who_calls_one_llm_always_gains_nothing_on_it():
    found = told(matrix(), constant())
    assert found.always == "large" and not found.reads
    assert gain(found, "gain_over_single") == 0 and found.measures["gain_over_single"].found.high == 0
    assert set(found.measures) == {"gain_over_single", "gain_over_random", "gap_to_oracle"}
    (said,) = sentences(found)
    assert said.startswith(
        "Its first choice is the same for all held-out prompts: always large, the best single LLM of "
    )
    assert said.endswith("training, so it is no better than that.")
    other = told(matrix(), constant()[::-1])
    assert other.always == "small" and "No better than always large" in sentences(other)[0]


def test_one_first_choice_may_still_trade_quality_for_cost():
    found = told(matrix(), constant() + 0.1 * noise())
    assert found.always == "large" and found.reads and "mix" not in quality(found)
    assert "aiq" in found.measures and "apgr" in found.measures
    assert sentences(found)[0].startswith("Its first choice is always large")


def test_a_prompt_that_comes_twice_changes_no_value():
    one, scores = matrix(), noise()
    twice = replace(
        one,
        **{name: np.repeat(getattr(one, name), 2, axis=0) for name in ("quality", "cost", "allowed", "price")},
        rows=np.arange(120),
    )
    found, again = told(one, scores), told(twice, np.repeat(scores, 2, axis=1))
    assert quality(again) == pytest.approx(quality(found)) and set(again.measures) == set(found.measures)
    for name in found.measures:
        # A share of calls is met from below by whole prompts, of which there are more.
        rough = 0.02 if name in ("apgr", "cpt_50", "cpt_80", "strong_calls_saved") else 1e-9
        assert gain(again, name) == pytest.approx(gain(found, name), abs=rough)


def test_two_prompts_by_hand():
    # small is right about the first prompt, large about both; the router knows that.
    answers = np.array([[1.0, 0, 1], [0, 0, 1]] * 10)
    scores = np.array([[2.0, 0], [-9, -9], [1, 1]])[:, [0, 1] * 10]
    found = told(matrix(20, quality=answers), scores)
    worth, cost = quality(found), {row.name: row.cost for row in found.policies}
    assert (worth["router"], worth["single"], worth["oracle"], worth["random"]) == (1, 1, 1, pytest.approx(0.5))
    assert (cost["router"], cost["single"], cost["random"]) == (3, 5, pytest.approx(COSTS.mean()))
    # The mix at a cost of 3 is a third of large and of middle, which is never right, the rest. By chance half of the
    # calls are large, right on all prompts, and half small, right on one in two.
    assert worth["shuffled"] == pytest.approx(0.75) and worth["mix"] == pytest.approx(1 / 3)
    assert gain(found, "cost_saved") == pytest.approx(0.4)
    # From (1, 0.5) to (3, 1), then flat to 5; single LLMs go straight from (1, 0.5) to (5, 1).
    assert gain(found, "aiq") == pytest.approx((2 * 0.75 + 2) / 4) and gain(found, "aiq_singles") == pytest.approx(0.75)


def test_without_costs_it_says_what_is_left_out_and_keeps_to_quality():
    found = told(without_costs(), noise())
    assert {"aiq", "cost_saved", "gain_over_mix"}.isdisjoint(found.measures) and "apgr" in found.measures
    assert found.pair == ("large", "small") and found.policies[0].cost is None and not found.curve
    assert any(said.startswith("AIQ, the mix") and "is not known" in said for said in sentences(found))


def test_of_votes_between_many_the_best_single_one_is_a_fixed_order():
    found = told(votes(), noise())
    assert found.pair == ("the better of training on each prompt", "the other") and not found.free
    assert "a fixed order, large first" in sentences(found)[0]
    dear = replace(votes(), price=np.tile(COSTS, (60, 1)), cost=np.tile(COSTS, (60, 1)))
    priced = told(dear, noise())
    assert priced.pair == ("the dearer on each prompt", "the cheaper") and "two LLMs a prompt" in priced.left_out[0]


@pytest.mark.parametrize("price", [None, np.tile(COSTS, (60, 1))])
def test_of_votes_between_two_the_strong_and_the_weak_one_are_named(price):
    won = matrix().quality[:, 2]
    quality = np.stack([1 - won, np.full(60, np.nan), won], axis=1)
    found = told(replace(votes(), quality=quality, allowed=~np.isnan(quality), price=price), noise())
    assert found.pair == ("large", "small") and measure_names(found)["apgr"] == "APGR, large over small"


def test_holes_are_left_out_and_counted():
    holes = matrix().quality
    holes[:20, 2] = np.nan
    found = told(matrix(quality=holes), noise())
    rows = {row.name: row for row in found.policies}
    assert rows["single"].prompts == 40 and rows["random"].prompts == 60 and rows["router"].prompts < 60
    assert found.measures["gain_over_single"].prompts <= 40 and found.measures["aiq"].prompts == 40


def test_calls_of_an_llm_whose_outcomes_are_not_known_are_said():
    answers = np.concatenate([matrix().quality, np.full((60, 1), np.nan)], axis=1)
    wide = {
        name: np.concatenate([getattr(matrix(), name), np.full((60, 1), 3.0)], axis=1) for name in ("cost", "price")
    }
    offered = matrix(
        models=(*matrix().models, "newcomer"),
        quality=answers,
        allowed=np.ones((60, 4), bool),
        trained=np.array([0.3, 0.5, 0.7, np.nan]),
        **wide,
    )
    scores = np.concatenate([matrix().quality.T + 0.01 * noise(), np.zeros((1, 60))])
    scores[3, ::3] = 9.0
    found = told(offered, scores, routed=np.where(np.arange(60) % 4, 2, 3))
    rows = {row.name: row for row in found.policies}
    assert rows["router"].prompts == 40 and rows["router"].unmeasured == {"newcomer": pytest.approx(1 / 3)}
    assert rows["routing"].prompts == 45 and rows["routing"].calls["newcomer"] == 0.25
    # What is drawn at random shows whose outcomes it is the mean of.
    assert set(rows["random"].calls) == {"small", "middle", "large"} and "newcomer" not in rows["shuffled"].calls
    assert sum(rows["random"].calls.values()) == pytest.approx(1)
    said = sentences(found)
    assert said[0].startswith("Not measured for 33 % of its calls (newcomer); on the 40 prompts where both are known, ")
    assert "better than always large" in said[0]
    assert any(
        line.startswith(
            "This routing: not measured for 25 % of its calls (newcomer); on the 45 prompts where both are "
        )
        for line in said
    )
    alone = told(offered, scores, routed=np.full(60, 3))
    assert recorded(alone)["policies"]["rows"][1][-1] == "newcomer 100% (not measured)"
    said = sentences(alone)
    assert "This routing: not measured for 100 % of its calls (newcomer)." in said
    assert found.as_dict()["policies"][0]["not_measured"] == {"newcomer": pytest.approx(1 / 3)}


def test_a_policy_whose_every_call_fell_on_a_hole_has_no_number():
    holes = matrix().quality
    holes[:, 2] = np.nan
    found = told(matrix(quality=holes, trained=np.array([0.3, 0.5, 0.7])), noise())
    rows = {row.name: row for row in found.policies}
    assert rows["single"].prompts == 0 and "gain_over_single" not in found.measures
    assert sentences(found)[0].startswith("Nothing tells whether it is better than always large")
    cells = [cell for row in recorded(found)["policies"]["rows"] for cell in row]
    assert None in cells and not any(isinstance(cell, float) and np.isnan(cell) for cell in cells)


def test_a_few_prompts_tell_nothing():
    found = told(matrix(4), noise(4))
    assert found.surely_above("gain_over_single") is None
    assert sentences(found)[0].startswith("Too few held-out prompts to tell whether it is better than always large")
    assert verdict(matrix(0), noise(0), 1.0, 7) is None


def test_the_cheapest_that_is_the_best_leaves_nothing_to_trade():
    found = told(matrix(trained=np.array([0.9, 0.5, 0.7])), noise())
    assert found.mixed is None and any("nothing to trade" in said for said in found.left_out)


def test_a_strong_llm_that_is_no_better_leaves_no_gap():
    found = told(matrix(quality=np.tile([1.0, 0.5, 0.2], (60, 1))), noise())
    assert "apgr" not in found.measures and any("no gap to recover" in said for said in found.left_out)


def test_a_quality_that_no_rate_reaches_saves_nothing():
    found = told(matrix(quality=np.tile([0.1, 0.5, 0.9], (60, 1))), np.tile([[2.0], [1], [0]], 60) + 0.01 * noise())
    assert "cost_saved" not in found.measures and any("no rate reaches it" in said for said in found.left_out)


def test_costs_that_are_all_the_same_decide_nothing_and_it_says_so():
    same = np.ones((60, 3))
    found = told(matrix(cost=same, price=same), noise())
    assert {"aiq", "aiq_gain"}.isdisjoint(found.measures) and any("costs the same" in said for said in found.left_out)


def test_what_almost_no_prompt_tells_is_not_measured_and_it_says_so():
    holes = matrix().quality
    holes[3:, 1] = np.nan
    found = told(matrix(quality=holes), noise())
    assert {"aiq", "aiq_singles", "aiq_gain", "cost_saved"}.isdisjoint(found.measures) and not found.curve
    assert (
        "AIQ and the cost saved are not measured: of only 3 prompts the quality and the cost of every LLM are known."
        in (sentences(found))
    )
    assert "apgr" in found.measures
    holes[7:, 0] = np.nan
    found = told(matrix(quality=holes), noise())
    assert {"apgr", "cpt_50", "strong_calls_saved"}.isdisjoint(found.measures)
    assert "APGR and CPT are not measured: of only 7 prompts large and small are both known." in sentences(found)


def test_the_cost_saved_is_told_with_its_interval_or_why_it_has_none():
    found = told(matrix(), matrix().quality.T + 0.01 * noise())
    told_ends = found.measures["cost_saved"].found
    assert np.isfinite(told_ends.low)
    said = next(line for line in lines(recorded(found)) if line.startswith("AIQ "))
    assert (
        f"cost saved at the quality of large {told_ends.value:.3f} (95 % interval {told_ends.low:.3f} to "
        f"{told_ends.high:.3f})"
    ) in said
    found = told(matrix(), matrix().quality.T + noise())
    assert found.measures["cost_saved"].found.low == -np.inf
    why = "no lower end: in more than one of 40 bootstrap samples no rate reaches the quality of large"
    assert any(line.startswith("The interval of the cost saved has") and why in line for line in sentences(found))


def test_without_a_whole_prompt_the_mix_is_still_measured():
    holes = matrix().quality
    holes[:, 0] = np.nan
    found = told(matrix(quality=holes), np.array([[-9.0], [0], [0]]) + noise())
    assert "aiq" not in found.measures and "gain_over_mix" in found.measures
    assert found.left_out[0].startswith("AIQ and the cost saved are not measured: on no prompt")


def test_a_rule_is_judged_by_the_mix_that_costs_the_same():
    offered = matrix()
    known = np.where(offered.quality[:, 0] > 0, 0, 2)
    found = told(offered, noise(), routed=known)
    worth, cost = quality(found), {row.name: row.cost for row in found.policies}
    assert worth["routing"] > worth["mix"] and cost["mix"] == pytest.approx(cost["routing"])
    assert gain(found, "gain_over_mix") == pytest.approx(worth["routing"] - worth["mix"])
    assert any(said.startswith("This routing: better than") for said in sentences(found))


def test_more_prompts_than_are_drawn_one_by_one_have_the_same_interval():
    many = matrix(5000)
    found = told(many, many.quality.T + noise(5000)).measures["gain_over_random"].found
    each = many.quality[np.arange(5000), (many.quality.T + noise(5000)).argmax(axis=0)] - many.quality.mean(axis=1)
    assert found.value == pytest.approx(each.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * each.std() / 5000**0.5, rel=0.15)


def test_it_is_the_same_each_time_and_ends_that_are_infinite_are_null():
    found = told(matrix(seed=2), noise())
    assert found.as_dict() == told(matrix(seed=2), noise()).as_dict()
    assert {"gain_over_single", "gain_over_single_low", "gain_over_single_high"} <= set(metrics(found))
    for document in recorded(found).values():
        for row in document["rows"]:
            assert all(cell is None or isinstance(cell, str) or np.isfinite(cell) for cell in row)
