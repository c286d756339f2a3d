"""A small file of each published form of outcome matrices, all of the same outcomes, written by hand."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

MODELS = ("acme/large", "acme/small", "other/tiny")
PROMPTS = tuple(f"What is {at} + {at}?" for at in range(24))
COSTS = (0.02, 0.004, 0.001)


def score(prompt: int, model: int) -> float:
    """The larger the LLM, the more sums it can do."""
    return float((prompt * 7) % 10 < (9, 6, 3)[model])


def answer(prompt: int, model: int) -> str:
    return f"{2 * prompt if score(prompt, model) else 'no idea'}, says {MODELS[model]}"


def cells(function: Callable[[int, int], Any]) -> list[list[Any]]:
    return [[function(row, column) for column in range(len(MODELS))] for row in range(len(PROMPTS))]


def table(path: Path, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Path:
    """CSV, JSON Lines or Parquet, by the name's end."""
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([names, *rows])
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows), "utf-8")
    else:
        pq.write_table(pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows]), path)
    return path


def long_rows() -> list[list[Any]]:
    return [
        [prompt, model, score(row, column), COSTS[column], 9, 5 + column, answer(row, column)]
        for row, prompt in enumerate(PROMPTS)
        for column, model in enumerate(MODELS)
    ]


LONG = ["prompt", "model", "score", "cost", "prompt_tokens", "completion_tokens", "response"]


def long(folder: Path, suffix: str = ".jsonl") -> Path:
    return table(folder / f"long{suffix}", LONG, long_rows())


def wide(folder: Path) -> Path:
    names = ["prompt", *(f"{model}/{what}" for model in MODELS for what in ("score", "cost"))]
    rows = [
        [prompt, *(cell for column in range(3) for cell in (score(row, column), COSTS[column]))]
        for row, prompt in enumerate(PROMPTS)
    ]
    return table(folder / "wide.csv", names, rows)


def routerbench(folder: Path, suffix: str = ".csv") -> Path:
    names = ["sample_id", "prompt", "eval_name", *MODELS, *(f"{model}|model_response" for model in MODELS),
             *(f"{model}|total_cost" for model in MODELS), "oracle_model_to_route_to"]  # fmt: skip
    rows = [
        [f"sums.{row}", str([prompt]), "sums", *(score(row, column) for column in range(3)),
         *(answer(row, column) for column in range(3)), *COSTS, "no_model_correct"]
        for row, prompt in enumerate(PROMPTS)
    ]  # fmt: skip
    return table(folder / f"routerbench_0shot{suffix}", names, rows)


def llmrouterbench(folder: Path) -> Path:
    for column, model in enumerate(MODELS):
        records = [
            {"index": row, "origin_query": prompt, "prompt": f"Solve: {prompt}", "prediction": answer(row, column),
             "ground_truth": str(2 * row), "score": score(row, column), "prompt_tokens": 9,
             "completion_tokens": 5 + column, "cost": COSTS[column]}
            for row, prompt in enumerate(PROMPTS)
        ]  # fmt: skip
        name = model.rpartition("/")[2]
        result = folder / "bench" / "sums" / "test" / name / f"sums-test-{name}-20260102_030405.json"
        result.parent.mkdir(parents=True)
        document = {"performance": 0.5, "time_taken": 1.0, "counts": len(records), "model_name": model,
                    "dataset_name": "sums", "split": "test", "demo": False, "records": records}  # fmt: skip
        result.write_text(json.dumps(document, indent=2))
    return folder / "bench"


def notdiamond(folder: Path) -> Path:
    names = ["prompt", *(f"{model}/{what}" for model in MODELS for what in ("response", "score"))]
    rows = [
        [prompt, *(cell for column in range(3) for cell in (answer(row, column), score(row, column)))]
        for row, prompt in enumerate(PROMPTS)
    ]
    return table(folder / "notdiamond.csv", names, rows)


def vllm_sr(folder: Path) -> Path:
    names = ["query", "category", "model_name", "performance", "response_time"]
    rows = [
        [prompt, "math", model, score(row, column), 0.5 + column]
        for row, prompt in enumerate(PROMPTS)
        for column, model in enumerate(MODELS)
    ]
    return table(folder / "benchmark_results.jsonl", names, rows)


def embedllm(folder: Path) -> Path:
    names = ["prompt_id", "model_id", "category_id", "label", "prompt", "model_name", "category"]
    rows = [
        [row, column, 3, int(score(row, column)), prompt, model, "sums"]
        for row, prompt in enumerate(PROMPTS)
        for column, model in enumerate(MODELS)
    ]
    return table(folder / "train.csv", names, rows)


def routellm(folder: Path) -> Path:
    rows = [["sums", prompt, *(bool(score(row, at)) for at in range(3))] for row, prompt in enumerate(PROMPTS)]
    return table(folder / "sums.csv", ["benchmark", "prompt", *MODELS], rows)


def routereval(folder: Path) -> Path:
    path = folder / "routereval.npz"
    scores = np.array(cells(score))
    np.savez(
        path, train_score=scores[:20], test_score=scores[20:], train_embed=np.zeros((20, 4)),
        test_embed=np.zeros((4, 4)), train_prompt=np.array(PROMPTS[:20]), test_prompt=np.array(PROMPTS[20:]),
        model=np.array(MODELS),
    )  # fmt: skip
    return path


EVERY = {
    "routerbench": routerbench, "llmrouterbench": llmrouterbench, "notdiamond": notdiamond, "vllm_sr": vllm_sr,
    "embedllm": embedllm, "routereval": routereval, "routellm": routellm, "long": long, "wide": wide,
}  # fmt: skip
