"""Rows are never all in memory: a file of them four times as large as what a training may take is trained on."""

import pytest

from tests.memory_growth import document, grown, write_small, written

MIB = 2**20
#: By kind the bytes that a training on the large file may take beyond one on a small file, the words of a row, and
#: fields of the data. All rows are read and kept on disk; of conversations, whose tokens take long, some are drawn.
#: Texts are of 8 KB and pictures of 45 KB: whatever its length, a row takes some memory too.
LARGE = {
    "text_classification": (32 * MIB, 52, {}),
    "sft": (32 * MIB, 52, {"max_samples": 500}),
    "image_classification": (32 * MIB, 300, {}),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", LARGE)
def test_a_file_four_times_as_large_as_the_memory_it_may_take_is_trained_on(kind, tmp_path):
    limit, words, data = LARGE[kind]
    small, large = tmp_path / "small.parquet", tmp_path / "large.parquet"
    write_small(small, kind, words)
    size, rows = written(large, kind, 4 * limit, words)
    assert size >= 4 * limit
    found = grown(document(kind) | {"data": data}, small, large, tmp_path / "runs")
    assert found["rows"] == data.get("max_samples", rows)
    assert found["grown"] < limit
