"""A cross-encoder on real pairs of sentences: by how much it has to beat what their words alone say. Set before a run:
0.05 of the rank correlation with how alike people find the two, above the share of words that they have in common."""

from __future__ import annotations

import csv
import json

import pytest

from runner import registry
from runner.contract import LoadContext, Table

MARGIN = 0.05


@pytest.mark.slow
def test_how_alike_captions_are_is_known_better_than_by_their_words(shared_data, tmp_path, context_for):
    rows = list(csv.DictReader((shared_data / "sts_benchmark_open.csv").open(newline="", encoding="utf-8")))
    for split in ("train", "test"):
        own = [
            {name: row[name] for name in ("sentence1", "sentence2")} | {"score": float(row["score"])}
            for row in rows
            if row["split"] == split
        ]
        # Every second pair, for the time.
        lines = [json.dumps(row) + "\n" for row in own[::2]]
        (tmp_path / f"{split}.jsonl").write_text("".join(lines), "utf-8")
    builder = registry.load("cross_encoder")
    document = {
        "model_type": "cross_encoder", "base_model_name": "sentence-transformers/all-MiniLM-L6-v2", "max_length": 48,
        "optimizer": {"optimizer_type": "adamw", "learning_rate": 3e-4},
        "finetuning_spec": {"method": "last_layers", "num_layers": 3},
    }  # fmt: skip
    spec = builder.Spec.model_validate(document)
    section = type(spec).data.model_validate(
        {"dataset": str(tmp_path / "train.jsonl"), "validation_data": str(tmp_path / "test.jsonl"),
         "score_range": [0, 5], "max_samples": None}
    )  # fmt: skip
    loaded = section.load(LoadContext(spec, tmp_path, lambda *_, **__: None))
    result = builder.train(spec, context_for(loaded, "run", epochs=1, batch_size=16, seed=spec.seed))
    table = Table.read(result.tables["baselines"])
    assert table is not None
    words = dict(zip(table.columns, next(row for row in table.rows if row[0] == "words alone"), strict=True))
    assert result.metrics["spearman"] > words["spearman"] + MARGIN, (result.metrics, words)
