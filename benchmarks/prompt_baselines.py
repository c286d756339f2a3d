"""What nearest prompts and linear maps reach on real comparisons, in one run, and what a million comparisons cost.

    python benchmarks/prompt_baselines.py [--data FOLDER] [--splits 3] [--skip-million]

The data sets are the packaged ``sample``, PandaLM's human comparisons and the two LLMs of RouteLLM's GSM8K and MMLU
rows (one of the two right is a win, both a tie, none a both_bad); the last two need ``--data``. Accuracies are those of
`train`, on the rows that it holds out, by the first seeds from 42 on; nothing is chosen on them. `reference` is what
plain versions of the two reached on the first split, tuned on it.

The million comparisons are drawn from the real prompts and LLMs of ``sample``, with its embeddings in the cache;
`train` is all that a run does once the data is read, by the clock and by the processor (set OMP_NUM_THREADS).
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from silent_training import silent_context

from runner import registry
from runner.contract import LoadContext, LoadedData
from runner.data.comparisons import TIE, A, B, Comparisons, ComparisonsData

SEED = 42
#: By data set: its file in ``--data``, the share held out, and what plain versions of the two reached, kNN and linear.
SETS: dict[str, tuple[str | None, float, tuple[float, float]]] = {
    "sample": (None, 0.2, (0.935, 0.944)),
    "PandaLM": ("pandalm_human_comparisons.jsonl", 0.3, (0.658, 0.658)),
    "RouteLLM": ("router_routellm_correct.csv", 0.4, (0.776, 0.772)),
}
#: What is trained, each with its fields.
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "knn_scoring": ("knn_scoring", {}),
    "knn_scoring, k auto": ("knn_scoring", {"k": "auto"}),
    "linear_scoring": ("linear_scoring", {}),
    "bradley_terry_scoring": ("bradley_terry_scoring", {"regularization": 0.01, "bootstrap_samples": 0}),
}
LLMS, COMPARISONS = 12, 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="the folder of the PandaLM and RouteLLM files")
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--cache", type=Path, help="a folder of embeddings that stays")
    parser.add_argument("--skip-million", action="store_true")
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as name:
        cache = arguments.cache or Path(name) / "cache"
        for dataset in SETS:
            if SETS[dataset][0] is None or arguments.data is not None:
                compare(dataset, arguments.data, arguments.splits, Path(name), cache)
        if not arguments.skip_million:
            million(cache)


def compare(dataset: str, data: Path | None, splits: int, folder: Path, cache: Path) -> None:
    """One table: every method on the same held-out rows of some splits."""
    file, share, (plain_knn, plain_linear) = SETS[dataset]
    path = "sample" if file is None else str(as_comparisons(data / file, folder))  # type: ignore[operator]
    section = {"dataset": path, "validation_split": share}
    loaded = [load(section | {"seed": SEED + number}, cache) for number in range(splits)]
    decided = int(loaded[0].validation.decided.sum())
    print(f"\n{dataset}: {decided} decided comparisons held out of {decided + int(loaded[0].train.decided.sum())}")
    print(f"  {'':24}  {'  '.join(f'split {number}' for number in range(splits))}   mean  reference  cpu s")
    for name, (kind, fields) in METHODS.items():
        measured = [train(kind, each, SEED + number, cache, **fields) for number, each in enumerate(loaded)]
        accuracy = [metrics["accuracy"] for metrics, _, _ in measured]
        known = {"knn_scoring": plain_knn, "linear_scoring": plain_linear}.get(name)
        figures = "  ".join(f"{value:7.3f}" for value in accuracy)
        seconds = np.median([each for _, _, (_, each) in measured])
        chosen = "; ".join(f"{key} {value:.2g}" for key, value in measured[0][1].items())
        reference = "" if known is None else f"{known:.3f}"
        print(f"  {name:24}  {figures}  {np.mean(accuracy):5.3f}  {reference:>9}  {seconds:5.2f}  {chosen}")


def as_comparisons(path: Path, folder: Path) -> Path:
    """A table of right and wrong answers as comparisons; another file as it is."""
    if path.suffix != ".csv":
        return path
    made = folder / "right_or_wrong.jsonl"
    with path.open(encoding="utf-8", newline="") as table, made.open("w", encoding="utf-8") as out:
        for row in csv.DictReader(table):
            one, other = [name for name in row if name not in ("benchmark", "prompt")]
            right = (row[one] == "True", row[other] == "True")
            winner = {(True, True): "tie", (False, False): "both_bad", (True, False): "model_a"}.get(right, "model_b")
            line = {"prompt": row["prompt"], "model_a": one, "model_b": other, "winner": winner}
            out.write(json.dumps(line) + "\n")
    return made


def load(section: dict[str, Any], cache: Path) -> LoadedData:
    """Both sides of a split, with all LLMs."""
    spec = registry.load("bradley_terry_scoring").Spec(model_type="bradley_terry_scoring", min_model_occurrences=1)
    return ComparisonsData.model_validate(section).load(LoadContext(spec, cache, lambda event, **fields: None))


def train(kind: str, data: LoadedData, seed: int, cache: Path, **fields: Any) -> tuple[dict, dict, tuple[float, float]]:
    """Metrics and parameters of a whole `train`; its seconds by the clock and by the processor, embeddings apart."""
    builder = registry.load(kind)
    spec = builder.Spec.model_validate({"model_type": kind} | fields)
    if builder.Spec.row_filters:
        spec = spec.model_copy(update=dict.fromkeys(builder.Spec.row_filters, 1))
    if "prompts" in spec.reads:
        embed(data, cache)

    with tempfile.TemporaryDirectory() as name:
        context = silent_context(Path(name), data, epochs=0, batch_size=0, seed=seed, cache=cache)
        started = time.perf_counter(), time.process_time()
        result = builder.train(spec, context)
        seconds = (time.perf_counter() - started[0], time.process_time() - started[1])
        return result.metrics, result.parameters, seconds


def embed(data: LoadedData, cache: Path) -> np.ndarray:
    """The prompts' embeddings, and into the cache with those that are new."""
    from runner.training import sentence_encoder
    from runner.training.pretrained import resolve

    return sentence_encoder.embed(
        data.train.prompts, resolve("all-MiniLM-L6-v2"), cache, "cpu", lambda event, **fields: None
    )


def million(cache: Path) -> None:
    """A million comparisons to train on, of random linear preferences over the real prompts."""
    real = load({"dataset": "sample", "validation_split": 0.2, "seed": SEED}, cache)
    vectors = embed(real, cache)
    rng = np.random.default_rng(SEED)
    scores = 20 * (vectors - vectors.mean(axis=0)) @ rng.normal(0, 0.1, (vectors.shape[1], LLMS))

    def some(split: Comparisons, count: int) -> Comparisons:
        prompt = rng.choice(np.unique(split.prompt), count).astype(np.int32)
        a = rng.integers(LLMS, size=count).astype(np.int32)
        b = ((a + rng.integers(1, LLMS, size=count)) % LLMS).astype(np.int32)
        won = rng.random(count) < 1 / (1 + np.exp(scores[prompt, b] - scores[prompt, a]))
        winner = np.where(rng.random(count) < 0.2, TIE, np.where(won, A, B)).astype(np.int8)
        empty = ("",) * count
        return Comparisons(
            split.models, split.prompts, split.histories, prompt, a, b, winner, empty, empty, {}, split.groups
        )  # fmt: skip

    data = LoadedData(some(real.train, COMPARISONS), some(real.validation, COMPARISONS // 10), "0" * 64, {})
    print(f"\n{COMPARISONS:,} comparisons of {LLMS} LLMs on {len(np.unique(data.train.prompt))} prompts")
    for name in ("knn_scoring", "knn_scoring, k auto", "linear_scoring"):
        kind, fields = METHODS[name]
        metrics, _, seconds = train(kind, data, SEED, cache, **fields)
        clock, processor = seconds
        accuracy = metrics["accuracy"]
        print(f"  {name:24}  train {clock:5.1f} s, of the processor {processor:5.1f} s, accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
