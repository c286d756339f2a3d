"""Texts that lie on disk, because they are many, are the rows that they would be in memory."""

import numpy as np
import pytest

from runner.data import kept_rows

ROWS = [
    {"text": f"text {at % 17} ü" if at % 5 else None, "note": [at], "label": ["a", "b", "c"][at % 3]}
    for at in range(60)
]
LISTS = [row | {"label": [row["label"], "d"]} for row in ROWS]
NUMBERS = [row | {"label": at / 7} for at, row in enumerate(ROWS)]


@pytest.mark.parametrize(
    ("rows", "fields"),
    [
        (ROWS, {}),
        (ROWS, {"max_samples": 30}),
        (LISTS, {}),
        (NUMBERS, {"kind": "text_regression", "target_columns": "label"}),
        ([row | {"late": "x"} if at > 9 else row for at, row in enumerate(ROWS)], {"text_columns": ["text", "late"]}),
    ],
)
def test_they_are_the_same_rows(load, monkeypatch, rows, fields):
    here = load(rows, max_rows_lost=1.0, **fields)
    monkeypatch.setattr(kept_rows, "HELD", 0)
    there = load(rows, max_rows_lost=1.0, **fields)
    assert (there.fingerprint, there.record) == (here.fingerprint, here.record)
    assert there.report == here.report
    for side, same in ((there.train, here.train), (there.validation, here.validation)):
        assert not isinstance(side.texts, list)
        assert list(side.texts) == list(same.texts)
        assert side.keys.tolist() == same.keys.tolist()
        some = np.arange(len(side)) % 2 == 0
        assert list(side.take(some).texts) == list(same.take(some).texts)


def test_a_file_to_measure_on_is_compared_with_them(load, monkeypatch, tmp_path):
    monkeypatch.setattr(kept_rows, "HELD", 0)
    other = tmp_path / "other.jsonl"
    other.write_text('{"text": "text 1", "label": "a"}\n{"text": "new", "label": "b"}\n')
    rows = [{"text": f"text {at}", "label": "ab"[at % 2]} for at in range(9)]
    told = load(rows, validation_data=str(other))
    assert list(told.validation.texts) == [("text 1",), ("new",)]
    assert any("1 of 2 rows" in sentence for sentence in told.report.warnings)
