"""What is said of a router beside its best baseline."""

from __future__ import annotations

import numpy as np
import pytest

from runner.contract import Table
from runner.data.comparisons import A, B, Comparisons
from runner.tasks.ranking.against_best import against_best
from runner.tasks.ranking.tables import read_tables
from runner.tracking.final_table import final_table
from runner.tracking.run_task import recorded_verdict


def rows(n: int = 200) -> Comparisons:
    """Comparisons of two LLMs, a prompt each, of which A wins every second one."""
    return Comparisons(
        models=("one", "other"),
        prompts=tuple(f"prompt {at}" for at in range(n)),
        histories=((),) * n,
        prompt=np.arange(n, dtype=np.int32),
        model_a=np.zeros(n, np.int32),
        model_b=np.ones(n, np.int32),
        winner=np.where(np.arange(n) % 2, A, B).astype(np.int8),
        responses_a=("",) * n,
        responses_b=("",) * n,
        tags={},
        groups=("",) * n,
    )


def right(share: float, n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """The scores of one that is right about the first ``share`` of them."""
    a_wins = np.arange(n) % 2 == 1
    says = np.where(np.arange(n) < share * n, a_wins, ~a_wins)
    return np.where(says, 1.0, 0.0), np.where(says, 0.0, 1.0)


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (0.9, "0.200 above the best baseline, map (paired 95 % interval +0.14"),
        (0.705, "NOT surely better than the best baseline, map: 0.005 above (paired 95 % interval +0.000 to"),
        (0.7, "NOT better than the best baseline, map: equal to it"),
        (0.6, "NOT better than the best baseline, map: 0.100 below (paired 95 % interval -0.1"),
    ],
)
def test_the_sentence_goes_by_the_paired_interval(own, said):
    table = against_best(right(own), {"mean": right(0.5), "map": right(0.7)}, rows(), seed=1)
    assert table is not None and table.note.startswith(said)
    recorded = {table.name: table.as_dict()}
    assert recorded_verdict(recorded) == table.note
    assert table.rows[0][0] == "map" and table.rows[0][-1] is (own == 0.9)
    baselines = [{"model_type": "map", "accuracy": 0.7}]
    ended = final_table(
        "dense_network", {"accuracy": own, "n_validation": 200}, recorded | {"baselines": baselines}, None
    )
    assert table.note in ended.splitlines()


def test_nothing_is_said_where_nothing_can_be():
    assert against_best(right(0.5), {}, rows(), seed=1) is None
    undecided = rows().take(np.zeros(0, np.int64))
    assert against_best((np.zeros(0),) * 2, {"map": (np.zeros(0),) * 2}, undecided, seed=1) is None
    for torn in ({}, {"against_best": 3}, {"against_best": {"name": "x"}}):
        assert recorded_verdict(torn) == ""


def test_a_page_calls_the_baselines_by_what_they_are():
    table = against_best(right(0.9), {"map": right(0.7)}, rows(), seed=1)
    assert table is not None
    baselines = [{"model_type": "map", "accuracy": 0.7}]
    old = read_tables({"baselines": baselines})
    new = read_tables({"baselines": baselines, "against_best": table.as_dict()})
    assert [each.title for each in old] == ["Beside prompt-agnostic models"]
    assert [each.title for each in new] == ["Beside baselines"]
    assert Table.read(table.as_dict()) is not None
