"""A tagger on real messages beside what is trivial, and a stored one in the library that it is of."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from runner.contract import Table
from runner.tasks.token_labels.tag_decoding import decode
from tests.conftest import Desk
from tests.examples import example

#: By how much the F1 of a small encoder has to be above the tag that each word has most often. Fixed beforehand.
MARGIN = 0.15


@pytest.mark.slow
@pytest.mark.warm
def test_it_finds_names_that_are_new(desk: Desk, shared_data: Path) -> None:
    """Of every second message, and measured on every fourth, with the upper layers alone trained: for the time."""
    rows = [json.loads(line) for line in (shared_data / "ner_wnut17.jsonl").read_text("utf-8").splitlines()]
    for split, step in (("train", 2), ("test", 4)):
        own = [json.dumps({name: row[name] for name in ("tokens", "tags")}) for row in rows if row["split"] == split]
        desk.write(f"{split}.jsonl", "\n".join(own[::step]))
    spec = {
        "model_type": "token_classification",
        "base_model_name": "sentence-transformers/all-MiniLM-L6-v2",
        "max_length": 64,
        "stride": 16,
        "optimizer": {"optimizer_type": "adamw", "learning_rate": 0.001},
        "finetuning_spec": {"method": "last_layers", "num_layers": 2},
    }
    data = {"dataset": "train.jsonl", "validation_data": "test.jsonl"}
    desk.write("spec.json", {"model": {"name": "messages", "spec": spec}, "data": data, "epochs": 2, "batch_size": 8})
    done = desk("train", "--spec-file", "spec.json", "--executor", "local", "--json", timeout=1800).ok().json
    table = Table.read(done["tables"]["baselines"])
    assert table is not None
    at = list(table.columns).index("f1")
    others = [row[at] for row in table.rows if str(row[0]).startswith(("no entities", "most frequent"))]
    assert len(others) == 2 and done["metrics"]["f1"] > max(others) + MARGIN


#: What transformers alone makes of a stored model's folder: of each word the probabilities of its tags.
SCRIPT = """
import json, sys
import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer

folder, words = sys.argv[1], json.loads(sys.argv[2])
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForTokenClassification.from_pretrained(folder).eval()
encoded = tokenizer(words, is_split_into_words=True, return_tensors="pt")
with torch.no_grad():
    odds = model(**encoded).logits[0].softmax(-1)
first = {}
for place, word in enumerate(encoded.word_ids()):
    if word is not None:
        first.setdefault(word, place)
names = model.config.id2label
print(json.dumps([{names[at]: float(odd) for at, odd in enumerate(odds[place])} for place in first.values()]))
"""


@pytest.mark.slow
@pytest.mark.warm
def test_a_stored_model_says_the_same_in_its_own_library(desk: Desk) -> None:
    desk.write("spec.json", example("token_classification"))
    done = desk("train", "--spec-file", "spec.json", "--executor", "local", "--json").ok().json
    words = ["Ida", "Novak", "of", "Acme", "flew", "to", "Oslo", "."]
    desk.write("rows.jsonl", json.dumps({"tokens": words}) + "\n")
    asked = desk(
        "infer", "--model", done["model"], "--input", "rows.jsonl", "--set", "tags=true", "--output-path", "-",
        "--output-format", "jsonl",
    ).ok()  # fmt: skip
    record = json.loads(asked.out)
    alone = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(desk.home / done["path"]), json.dumps(words)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    theirs = json.loads(alone.stdout)
    # Of each word's tag; which tags belong together is decided by the task.
    own = [odds[tag] for odds, tag in zip(theirs, record["tags"], strict=True)]
    assert record["entities"]
    for entity in record["entities"]:
        at = record["text"][: entity["start"]].count(" ")
        count = entity["text"].count(" ") + 1
        assert entity["score"] == pytest.approx(sum(own[at : at + count]) / count, abs=1e-5)
    best = decode(np.array([list(odds.values()) for odds in theirs]))
    assert [list(theirs[0])[at] for at in best.tolist()] == record["tags"]
