"""From random weights on drawn shapes, the answers are right more often than those that look at no picture, by what was
said beforehand: 0.2 of exact matches, over colours and shapes together."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

MARGIN = 0.2


@pytest.mark.slow
def test_questions_on_drawn_shapes_are_answered_by_their_pictures(studio, tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    sys.path.insert(0, str(ROOT / "benchmarks" / "samples"))
    try:
        from asked_shapes import rows
    finally:
        sys.path.pop(0)
    path = Path(tmp_path) / "shapes.parquet"
    parquet.write_table(pa.Table.from_pylist(rows(240, seed=5)), path)
    result, _ = studio.train(
        "vision_language", {"dataset": str(path), "max_samples": None}, base_model_name="runner/tiny-vlm",
        finetuning_spec={"method": "full"}, train_projector=True, train_vision_tower=True, max_length=128,
        optimizer={"optimizer_type": "adamw", "learning_rate": 0.004}, evaluation={"max_new_tokens": 12},
        epochs=14, batch_size=16,
    )  # fmt: skip
    tables = {row[0]: dict(zip(result.tables["baselines"]["columns"], row, strict=True))
              for row in result.tables["baselines"]["rows"]}  # fmt: skip
    blind = tables["the most frequent answer to each question"]["exact_match"]
    assert result.metrics["exact_match"] >= blind + MARGIN, (result.metrics["exact_match"], blind)
