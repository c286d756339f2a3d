"""A pretrained encoder on real texts: by how much it has to beat what knows no text. Margins were set before a run."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from runner.contract import Table

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
#: The upper layers alone are trained: the lower ones know words already, and a step takes half as long.
UPPER = {"finetuning_spec": {"method": "last_layers", "num_layers": 3}, "max_length": 40, "base_model_name": MINILM}


class Clear:
    """Scores of 0 to 5 that are at most 1.5 or at least 4."""

    def __contains__(self, score: str) -> bool:
        return not 1.5 < float(score) < 4


pytestmark = pytest.mark.slow


def baselines(result) -> dict[str, list[float]]:
    found = Table.read(result.tables["baselines"])
    assert found is not None
    return {row[0]: row[1:] for row in found.rows}


def split(path: Path, folder: Path, rows: dict[str, int], **keep) -> dict[str, str | None]:
    """Of each split every so-many-th row of a CSV file, of those that ``keep`` names, as the data of a spec."""
    with path.open(newline="", encoding="utf-8") as file:
        found = [row for row in csv.DictReader(file) if all(row[name] in words for name, words in keep.items())]
    for name, step in rows.items():
        lines = [json.dumps(row) + "\n" for row in found if row["split"] == name]
        (folder / f"{name}.jsonl").write_text("".join(lines[::step]))
    return {
        "dataset": str(folder / "train.jsonl"), "validation_data": str(folder / "test.jsonl"), "max_samples": None,
    }  # fmt: skip


def rate(learning_rate: float) -> dict[str, object]:
    return {"optimizer_type": "adamw", "learning_rate": learning_rate}


def test_15_intents_of_300_questions(fitted, shared_data, tmp_path):
    source = shared_data / "classify_banking77.csv"
    with source.open(newline="", encoding="utf-8") as file:
        names = sorted({row["label"] for row in csv.DictReader(file)})[:15]
    data = split(source, tmp_path, {"train": 1, "test": 1}, label=names)
    result, _, _ = fitted(data=data, epochs=2, optimizer=rate(0.001), **UPPER)
    # As many rows of each class: their frequencies are right of 1 row in 15.
    assert result.metrics["accuracy"] > baselines(result)["class frequencies"][0] + 0.6


def test_how_alike_two_sentences_are(fitted, shared_data, tmp_path):
    """Of pairs that people find alike, or not: what is between takes more rows to be told."""
    data = split(shared_data / "sts_benchmark_open.csv", tmp_path, {"train": 1, "test": 2}, score=Clear())
    whole = {"base_model_name": MINILM, "max_length": 40, "finetuning_spec": {"method": "last_layers", "num_layers": 6}}
    slower = {"schedule_type": "linear", "warmup_ratio": 0.1}
    result, _, _ = fitted("text_regression", data=data, batch_size=8, optimizer=rate(0.0003), schedule=slower, **whole)
    assert result.metrics["r2"] > baselines(result)["mean"][0] + 0.4
    assert result.metrics["pearson"] > 0.7
