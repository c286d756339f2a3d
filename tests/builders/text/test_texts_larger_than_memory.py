"""Texts are never all in memory: a file of them three times as large as what a training may take is trained on."""

import random

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.memory_growth import grown

#: Bytes that a training on the large file may take beyond one on a small file.
LIMIT = 32 * 2**20
#: Long words, of which each is one token: they are tokenized quickly.
WORDS = ["".join(random.Random(at).choices("abcdefghij", k=150)) for at in range(50)]


def written(path, size, words):
    """A Parquet file of texts of about ``size`` bytes, in one group of rows, as most writers make them."""
    rng, rows, total = random.Random(0), [], 0
    while total < size:
        text = f"{len(rows)} {' '.join(rng.choices(WORDS, k=words))}"
        rows.append({"text": text, "label": "ab"[len(rows) % 2]})
        total += len(text)
    table = pa.Table.from_pylist(rows)
    parquet.write_table(table, path, row_group_size=len(rows), compression="none", use_dictionary=False)
    return path, len(rows)


@pytest.mark.slow
def test_a_file_three_times_as_large_as_the_memory_it_may_take_is_trained_on(tmp_path):
    # So many rows that the intervals of their figures take what those of more rows do.
    small, _ = written(tmp_path / "small.parquet", 12_000 * 5, 0)
    large, rows = written(tmp_path / "large.parquet", 3 * LIMIT, 13)
    spec = {
        "model_type": "text_classification",
        "base_model_name": "runner/tiny-bert",
        "max_length": 32,
        "max_steps": 2,
    }
    document = {"model": {"name": "large", "spec": spec}, "data": {}, "epochs": 1, "batch_size": 8}
    found = grown(document, small, large, tmp_path / "runs")
    assert found["rows"] == rows
    assert found["grown"] < LIMIT
