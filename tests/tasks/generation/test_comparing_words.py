"""How a comparison of language models reads."""

from __future__ import annotations

import pytest

from runner.tasks.generation.comparing import ACCURACY, BITS
from runner.tasks.generation.comparing_words import HEADER, LEGEND, PAGE_LEGEND, held_out


def test_every_column_of_its_own_is_explained_below_the_table():
    for measure in (BITS, ACCURACY):
        assert measure.column in HEADER
        assert [line for line in LEGEND if line.startswith(f"{measure.column}: ")]
        assert f"{measure.column[0].upper()}{measure.column[1:]}: " in PAGE_LEGEND


@pytest.mark.parametrize(
    ("rows", "pairs", "said"),
    [
        (1, 0, "the same 1 held-out row"),
        (1, 1, "the same 1 held-out row, 1 of them a pair of answers"),
        (1200, 3, "the same 1,200 held-out rows, 3 of them pairs of answers"),
    ],
)
def test_one_row_is_one(rows, pairs, said):
    assert held_out({"held_out": {"rows": rows, "pairs": pairs}}) == [f"measured on {said}"]
