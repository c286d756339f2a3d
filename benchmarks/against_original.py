"""The routers beside the system whose specs they accept: held-out figures, three splits each.

    python benchmarks/against_original.py [--kinds elo mcmf ...] [--data sample] [--splits 0 1 2]
    python benchmarks/against_original.py --data pandalm --file FOLDER/pandalm_human_comparisons.jsonl

The other system's figures were measured on the same rows, split by prompt three times: 80/20 of the packaged sample,
70/30 of PandaLM's human comparisons. Here the splits are by prompt as well, and of the same sizes, but other ones, so
that means of three are to be compared, not splits. A fifth of the training prompts is what chooses the best epoch and
the factors of lengths; the test prompts are seen by nobody before the end. Figures of rankers are pairwise accuracy,
where an exact tie is wrong; those of lengths are the mean of ``1 - |predicted - actual| / actual``, and beside them the
mean absolute error in tokens and the sum of predictions over the sum of lengths. One thread; embeddings are cached.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Before numpy and torch are loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from silent_training import silent, silent_context

from runner import registry
from runner.contract import LoadContext, LoadedData
from runner.data.comparisons import Comparisons, ComparisonsData
from runner.data.comparisons.prompt_split import split, split_key
from runner.tasks.length.length_rows import LengthRows, TokenCounter
from runner.tasks.ranking.measuring import pairwise_accuracy
from runner.training.pretrained import resolve

SHARES = {"sample": 0.2, "pandalm": 0.3}
INNER = 0.2
ENCODER = "all-MiniLM-L6-v2"
BRADLEY_TERRY = {"ranking_loss_type": "bradley_terry"}


@dataclass(frozen=True)
class Row:
    """A kind with its fields, and what the other system reached on its three splits."""

    kind: str
    epochs: int = 1
    fields: dict[str, Any] = field(default_factory=dict)
    theirs: dict[str, tuple[float, float, float]] = field(default_factory=dict)


def lengths(kind: str, epochs: int, theirs: tuple[float, float, float]) -> dict[str, Row]:
    words = ("median", "relative")
    return {f"{kind}:{word}": Row(f"{kind}_length_prediction", epochs, {"predict": word}, {"sample": theirs})
            for word in words}  # fmt: skip


ROWS = {
    "least_squares": Row("least_squares_scoring"),
    "greedy": Row("greedy_ranking"),
    "mcmf": Row("mcmf_scoring", theirs={"sample": (0.353, 0.464, 0.458), "pandalm": (0.507, 0.585, 0.557)}),
    "simple": Row(
        "simple_scoring",
        20,
        {"optimizer": {"optimizer_type": "adam", "learning_rate": 0.01}},
        {"sample": (0.658, 0.654, 0.618), "pandalm": (0.612, 0.706, 0.664)},
    ),
    "elo": Row("elo_scoring", 5, theirs={"sample": (0.640, 0.681, 0.600), "pandalm": (0.612, 0.676, 0.676)}),
    "dense": Row("dense_network", 20, theirs={"sample": (0.944, 0.943, 0.935), "pandalm": (0.601, 0.702, 0.668)}),
    "dn:margin": Row("dn_embedding", 20, theirs={"sample": (0.662, 0.670, 0.580), "pandalm": (0.515, 0.577, 0.469)}),
    "dn:bt": Row(
        "dn_embedding", 20, BRADLEY_TERRY, {"sample": (0.840, 0.876, 0.807), "pandalm": (0.545, 0.555, 0.649)}
    ),
    "gb:margin": Row(
        "gradient_boosting", 50, theirs={"sample": (0.813, 0.801, 0.800), "pandalm": (0.571, 0.603, 0.584)}
    ),
    "gb:bt": Row(
        "gradient_boosting", 50, BRADLEY_TERRY, {"sample": (0.915, 0.901, 0.896), "pandalm": (0.597, 0.585, 0.630)}
    ),
    "response_predictive": Row("response_predictive", 20),
    **lengths("dn_embedding", 20, (0.727, 0.720, 0.728)),
    **lengths("gb", 50, (0.705, 0.688, 0.688)),
    **lengths("simple", 1, (0.563, 0.543, 0.542)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--data", nargs="+", choices=list(SHARES), default=["sample"])
    parser.add_argument("--file", type=Path, help="PandaLM's human comparisons, for --data pandalm")
    parser.add_argument("--splits", nargs="+", type=int, default=[0, 1, 2], help="seeds of the splits and trainings")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "runner")
    asked = parser.parse_args()
    if "pandalm" in asked.data and asked.file is None:
        sys.exit("--data pandalm needs --file")
    print(f"{'kind':22} {'data':8} {'original':24} {'here':24} {'means':>15} {'diff':>7}  {'MAE, total':14} seconds")
    for data in asked.data:
        for name in asked.kinds:
            one_row(name, data, asked)


def one_row(name: str, data: str, asked: argparse.Namespace) -> None:
    """Train on every split, and print."""
    row = ROWS[name]
    started, figures, more = time.process_time(), [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed in asked.splits:
            figure, *rest = measured(row, data, seed, Path(folder) / str(seed), asked)
            figures.append(figure)
            more.append(rest)
    mean, theirs = statistics.mean(figures), row.theirs.get(data)
    original = statistics.mean(theirs) if theirs else None
    print(
        f"{name:22} {data:8} {listed(theirs):24} {listed(figures):24} "
        f"{'-' if original is None else f'{original:.3f}':>7} {mean:.3f} "
        f"{'' if original is None else f'{mean - original:+.3f}':>8}  "
        f"{listed(np.mean(more, axis=0).tolist()):14} {time.process_time() - started:.0f}",
        flush=True,
    )


def listed(values: Any) -> str:
    return " ".join(f"{value:.3f}" for value in values) if values else "-"


def measured(row: Row, data: str, seed: int, folder: Path, asked: argparse.Namespace) -> list[float]:
    """The figure on the test prompts of one split; of lengths, the absolute error and the sum's ratio too."""
    kind = registry.load(row.kind)
    least = {name: 1 for name in ("min_model_occurrences", "min_model_comparisons") if name in kind.Spec.model_fields}
    quiet = {"print_summary": False} if "print_summary" in kind.Spec.model_fields else {}
    spec = kind.Spec.model_validate({"model_type": row.kind} | least | quiet | row.fields)
    source = ComparisonsData(dataset="sample" if data == "sample" else str(asked.file), validation_split=0)
    # Every kind sees the same rows, those of a kind that reads all of them.
    reader = registry.load("dn_embedding").Spec.model_validate(
        {"model_type": "dn_embedding", "min_model_comparisons": 1}
    )
    whole = source.load(LoadContext(reader, asked.cache, silent)).train
    training, test = divided(whole, SHARES[data], seed)
    train, validation = divided(training, INNER, seed + 1)
    data_split = LoadedData(train, validation, "0" * 64, {})
    context = silent_context(
        folder, data_split, epochs=row.epochs, batch_size=asked.batch_size, seed=seed, cache=asked.cache
    )
    kind.train(spec, context)
    used = np.unique(test.prompt)
    prompts, histories = ([column[at] for at in used] for column in (test.prompts, test.histories))
    predictor = kind.Predictor.load(context.artifact)
    predictor.use_cache(asked.cache)
    table = predictor.score_llms(prompts, test.models, histories=histories)
    place = np.searchsorted(used, test.prompt)
    if kind.TASK.name == "ranking":
        accuracy = pairwise_accuracy(table[test.model_a, place], table[test.model_b, place], test)
        return [float("nan") if accuracy is None else accuracy]
    rows = LengthRows.of(test, TokenCounter.load(resolve(ENCODER)))
    predicted = table[rows.model, np.searchsorted(used, rows.prompt)]
    relative = 1 - np.abs(1 - predicted / rows.tokens)
    return [
        float(relative.mean()),
        float(np.abs(predicted - rows.tokens).mean()),
        float(predicted.sum() / rows.tokens.sum()),
    ]


def divided(data: Comparisons, share: float, seed: int) -> tuple[Comparisons, Comparisons]:
    """By prompt: what is left, and the share."""
    held = split([split_key(data.prompts[at]) for at in data.prompt], share, seed)
    return data.take(~held), data.take(held)


if __name__ == "__main__":
    main()
