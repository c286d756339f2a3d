"""Ranks by several methods, and the ranks that the intervals leave open."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runner.tasks.ranking.ranks import side_by_side


def board(*rows: tuple[str, float, float | None, float | None]) -> list[dict]:
    return [{"model": name, "score": score, "low": low, "high": high} for name, score, low, high in rows]


def test_ranks_among_the_llms_that_all_know_by_methods_that_know_them():
    first = board(("a", 3, 2.5, 3.5), ("z", 2.5, None, None), ("b", 2, 1, 3), ("c", 0, -1, 0.5))
    second = board(("b", 9, None, None), ("a", 8, None, None), ("c", 8, None, None))
    found = side_by_side({"one": first, "two": second, "three": board(("a", 1, None, None))}, ["a", "b", "c"])
    assert found["methods"] == ["one", "two"]
    table = {
        row["model"]: {name: (r["rank"], r["best"], r["worst"]) for name, r in row["ranks"].items()}
        for row in found["rows"]
    }
    assert table == {
        "a": {"one": (1, 1, 2), "two": (2, 2, 3)},
        "b": {"one": (2, 1, 2), "two": (1, 1, 1)},
        "c": {"one": (3, 3, 3), "two": (2, 2, 3)},
    }
    assert side_by_side({"three": board(("a", 1, None, None))}, ["a", "b"]) is None


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0, 3), st.floats(0, 3)), min_size=1, max_size=8))
def test_the_rank_lies_within_what_the_intervals_leave_open(rows):
    names = [f"m{at}" for at in range(len(rows))]
    made = board(
        *((name, score, score - down, score + up) for name, (score, down, up) in zip(names, rows, strict=True))
    )
    found = side_by_side({"it": made}, names)
    for row in found["rows"]:
        rank = row["ranks"]["it"]
        assert 1 <= rank["best"] <= rank["rank"] <= rank["worst"] <= len(rows)
