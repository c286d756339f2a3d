"""Who beats whom, and where reading the prompt pays."""

from __future__ import annotations

import numpy as np
import pytest

from runner.tasks.ranking.groups import LENGTHS, OWN, TAGS, by_group, prompt_groups, win_rates
from runner.tasks.ranking.measuring import pairwise_accuracy


def test_win_rates_are_those_of_a_plain_count(made):
    data = made.some(300, seed=3)
    found = win_rates(data, ["m0", "m2", "m3"])
    order = found["models"]
    assert sorted(order) == ["m0", "m2", "m3"]
    assert found["rate"] == sorted(found["rate"], reverse=True)
    for i, one in enumerate(order):
        for j, other in enumerate(order):
            wins = sum(
                (data.models[a], data.models[b], w) in {(one, other, 0), (other, one, 1)}
                for a, b, w in zip(data.model_a, data.model_b, data.winner, strict=True)
            )
            assert found["wins"][i][j] == wins
            assert found["count"][i][j] == found["count"][j][i]


def test_the_data_s_own_groups_come_first_then_tags_then_length(made):
    named = made.some(40, prompts=4, groups=["sum", "", "sort", "sum"])
    what, groups = prompt_groups(named)
    assert what == OWN
    assert {name: members.tolist() for name, members in groups.items()} == {
        "sort": [False, False, True, False],
        "sum": [True, False, False, True],
    }
    rows = [(0, 0, 1, 0), (0, 0, 1, 0), (1, 0, 1, 0), (2, 0, 1, 1)]
    nan = np.nan
    tags = {"math": np.array([nan, 1, 0, 1], np.float32), "math_score": np.array([3, 3, 3, 3], np.float32)}
    what, groups = prompt_groups(made.comparisons(rows, ["a", "b"], 3, tags=tags))
    assert what == TAGS
    assert {name: members.tolist() for name, members in groups.items()} == {"math": [True, False, True]}
    bare = made.some(60, prompts=9, histories=[("before",) if at % 2 else () for at in range(9)])
    what, groups = prompt_groups(bare)
    assert what == LENGTHS and set(groups) >= {"first turn", "later turn"}
    thirds = np.stack([members for name, members in groups.items() if "characters" in name])
    assert (thirds.sum(axis=0) == 1).all()


def test_gains_by_group_are_differences_of_accuracies(made):
    data = made.some(400, seed=5, groups=["even", "odd"] * 6)
    answers = [made.answer(data, 1, reads=False), made.answer(data, 2), made.answer(data, 3, reads=False)]
    accuracies = [pairwise_accuracy(each.of(data, data.model_a), each.of(data, data.model_b), data) for each in answers]
    labels = ["plain", "reader", "other"]
    places = sorted(range(3), key=lambda at: -accuracies[at])
    found = by_group(labels, answers, [places.index(at) for at in range(3)], data, seed=1)
    base = max((0, 2), key=lambda at: accuracies[at])
    assert found["prompt_agnostic"] == labels[base]
    assert found["prompt_aware"] == ["reader"]
    assert found["rows"][0]["group"] == "all"
    for row in found["rows"]:
        inside = np.array([row["group"] in ("all", data.groups[at]) for at in data.prompt])
        part = data.take(inside)
        own = [
            pairwise_accuracy(answers[at].of(part, part.model_a), answers[at].of(part, part.model_b), part)
            for at in (1, base)
        ]
        gain = row["prompt_aware"]["reader"]["gain"]
        assert gain["value"] == pytest.approx(own[0] - own[1])
        assert gain["low"] <= gain["value"] <= gain["high"]
        assert row["comparisons"] == int(part.decided.sum())


def test_without_both_sorts_of_models_there_is_nothing_to_tell(made):
    data = made.some(50)
    assert by_group(["a", "b"], [made.answer(data, 1), made.answer(data, 2)], [0, 1], data, 1) is None
