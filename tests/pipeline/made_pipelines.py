"""Small pipelines for tests: rows of several kinds, and steps that take a second."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.conftest import Desk

WORDS = ("red", "green", "blue", "white", "black", "brown")


def sums(home: Path, name: str = "raw.jsonl", count: int = 24) -> Path:
    """Questions with answers, one of them twice and one without an answer."""
    rows: list[dict[str, Any]] = [
        {"question": f"How much is {at} plus {at % 5}?", "answer": str(at + at % 5)} for at in range(count)
    ]
    rows += [rows[0], {"question": "And now?"}]
    path = home / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def comparisons(home: Path, name: str = "won.jsonl", count: int = 60) -> Path:
    """Comparisons of three LLMs, of which the first wins most."""
    llms = ("a", "b", "c")
    rows = [
        {
            "prompt": f"Say {WORDS[at % 6]} {at}",
            "model_a": llms[at % 3],
            "model_b": llms[(at + 1) % 3],
            "response_a": "yes",
            "response_b": "no",
            "winner": "model_a" if at % 4 else "model_b",
        }
        for at in range(count)
    ]
    path = home / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def chat(**changes: Any) -> dict[str, Any]:
    """A training on what a step makes."""
    return {
        "model": {
            "name": "tutor",
            "spec": {
                "model_type": "sft",
                "base_model_name": "runner/tiny-llama",
                "max_length": 64,
                "optimizer": {"optimizer_type": "adamw", "learning_rate": 0.003},
            },
        },
        "data": {"dataset": {"$from": "split.train"}, "validation_data": {"$from": "split.validation"}},
        "epochs": 2,
        "batch_size": 8,
    } | changes


def rating(**changes: Any) -> dict[str, Any]:
    """A training of a second."""
    return {
        "model": {"name": "ratings", "spec": {"model_type": "elo_scoring", "min_model_occurrences": 1}},
        "data": {"dataset": {"$from": "split.train"}, "validation_split": 0.25, "seed": 1},
        "epochs": 1,
    } | changes


def pipeline(*steps: dict[str, Any], name: str = "small") -> dict[str, Any]:
    return {"pipeline": {"name": name}, "steps": list(steps)}


PROCESS = {"name": "clean", "process": {"input": "raw.jsonl"}}
SPLIT = {
    "name": "split",
    "split": {"input": {"$from": "clean"}, "ratios": {"train": 0.6, "validation": 0.2, "test": 0.2}},
}


def rated(name: str = "rated") -> dict[str, Any]:
    """Comparisons without doubles, divided, learned, and three prompts answered."""
    return pipeline(
        {"name": "unique", "dedupe": {"input": "won.jsonl"}},
        {
            "name": "split",
            "split": {"input": {"$from": "unique"}, "ratios": {"train": 0.7, "test": 0.3}, "group_by": "row"},
        },
        {"name": "train", "train": rating()},
        {"name": "answers", "infer": {"model": {"$from": "train"}, "input": {"$from": "split.test"}}},
        name=name,
    )


def ran(desk: Desk, document: dict[str, Any], *words: object) -> Any:
    """What a pipeline's run says, as JSON."""
    return desk("pipeline", "run", desk.write("pipeline.json", document), "--executor", "local", "--json", *words)
