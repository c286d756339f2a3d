"""What a new LLM's scores are worth that joined a router from a few prompts, against training anew, in one run.

    python benchmarks/extending.py [--data FILE] [--llms 3] [--prompts 16 32 64] [--kinds ...] [--cache FOLDER]

One LLM after another is left out of the training of each router and joins it from its comparisons on 16, 32 and 64
training prompts (`extended`). Beside it: the mean of the known LLMs (`--unknown mean`), training anew with just those
comparisons (`anew, 16 prompts`), and with all of the LLM's comparisons (`anew, all`), which is what there is to reach.
All are measured on the same held-out prompts: how often the winner of a comparison with the new LLM is scored higher,
the log loss, the regret (the share of comparisons that the best LLM of a prompt won, less that of the LLM put first
among those with an outcome there), and the rank correlation over prompts of the new LLM's lead over the others with
that of `anew, all`, where both differ from prompt to prompt. Medians over LLMs.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from silent_training import silent_context

from benchmarks.prompt_baselines import embed, load
from runner import registry
from runner.contract import LoadedData
from runner.data.comparisons import A, Comparisons
from runner.tasks.ranking.few_prompts import FewPrompts, estimate, mean_of_known
from runner.tasks.ranking.held_out_outcomes import won

SEED = 42
#: What is trained: fields, epochs.
KINDS: dict[str, tuple[dict[str, Any], int]] = {
    "knn_scoring": ({}, 0),
    "linear_scoring": ({}, 0),
    "bradley_terry_scoring": ({"bootstrap_samples": 0}, 0),
    "dense_network": ({"hidden_dims": [64], "model_id_embedding_dim": 16}, 5),
}


@dataclass(frozen=True)
class Trained:
    """A router's scores of every prompt of the data over its temperature, float64 ``[P, M]``, and its vectors."""

    models: tuple[str, ...]
    scores: np.ndarray
    vectors: np.ndarray | None

    def with_one(self, name: str, scores: np.ndarray) -> Trained:
        return Trained((*self.models, name), np.column_stack([self.scores, scores]), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="sample", help="comparisons, or an outcome matrix")
    parser.add_argument("--llms", type=int, default=3, help="how many are left out, one after another")
    parser.add_argument("--prompts", type=int, nargs="+", default=[16, 32, 64])
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--cache", type=Path, help="a folder of embeddings that stays")
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    started = time.process_time()
    with tempfile.TemporaryDirectory() as name:
        cache = arguments.cache or Path(name) / "cache"
        data = load({"dataset": arguments.data, "validation_split": 0.4, "seed": SEED}, cache)
        embed(data, cache)
        left_out = spread(data, arguments.llms)
        print(f"{arguments.data}: {len(data.train.models)} LLMs; left out in turn: {', '.join(left_out)}")
        for kind in arguments.kinds:
            compare(kind, data, left_out, arguments.prompts, cache)
    print(f"\n{time.process_time() - started:.0f} s of the processor")


def spread(data: LoadedData, count: int) -> list[str]:
    """Some LLMs from the best to the worst, by the share that they won of the training."""
    shares = np.nanmean(won(data.train, np.unique(data.train.prompt), data.train.models), axis=0)
    order = np.argsort(-shares, kind="stable")
    return [data.train.models[order[at]] for at in np.linspace(0, len(order) - 1, count + 2).round().astype(int)[1:-1]]


def compare(kind: str, data: LoadedData, left_out: Sequence[str], counts: Sequence[int], cache: Path) -> None:
    """One table: medians over the LLMs that were left out."""
    whole = train(kind, data, cache)
    found: dict[str, list[tuple[float, ...]]] = {}
    for name in left_out:
        known = [each for each in data.train.models if each != name]
        base = train(kind, LoadedData(of(data.train, known), of(data.validation, known), "0" * 64, {}), cache)

        def note(label: str, router: Trained, name: str = name) -> None:
            found.setdefault(label, []).append(measured(router, data.validation, name, whole))

        note("anew, all", whole)
        mine = data.train.models.index(name)
        with_it = data.train.take((data.train.model_a == mine) | (data.train.model_b == mine))
        prompts = np.random.default_rng([SEED, mine]).permutation(np.unique(with_it.prompt))
        for count in counts:
            rows = with_it.take(np.isin(with_it.prompt, prompts[:count]))
            few = few_prompts(base, rows, name)
            if count == counts[0]:
                note("--unknown mean", base.with_one(name, mean_of_known(few).scores(base.scores, base.vectors)))
            note(f"extended, {count} prompts", base.with_one(name, estimate(few).scores(base.scores, base.vectors)))
            kept = data.train.take(
                ~((data.train.model_a == mine) | (data.train.model_b == mine))
                | np.isin(data.train.prompt, prompts[:count])
            )
            again = train(kind, replace(data, train=kept, validation=of(data.validation, known, data)), cache)
            note(f"anew, {count} prompts", again)
    print(f"\n{kind:24}  {'accuracy':>8}  {'log loss':>8}  {'regret':>6}  {'rank correlation':>16}")
    for label, figures in sorted(found.items(), key=lambda item: (item[0] == "anew, all", "mean" not in item[0])):
        accuracy, loss, regret = np.median(np.array(figures)[:, :3], axis=0)
        known = [each[3] for each in figures if not np.isnan(each[3])]
        correlation = f"{np.median(known):.3f}" if known else "-"
        print(f"  {label:22}  {accuracy:8.3f}  {loss:8.3f}  {regret:6.3f}  {correlation:>16}")


def of(split: Comparisons, known: Sequence[str], whole: LoadedData | None = None) -> Comparisons:
    """The comparisons of these LLMs alone; with ``whole``, under the numbers that it has for them."""
    place = {name: at for at, name in enumerate(known)}
    number = np.array([place.get(name, -1) for name in split.models], np.int32)
    kept = split.take((number[split.model_a] >= 0) & (number[split.model_b] >= 0))
    if whole is not None:
        return kept
    return replace(kept, models=tuple(known), model_a=number[kept.model_a], model_b=number[kept.model_b])


def few_prompts(base: Trained, rows: Comparisons, name: str) -> FewPrompts:
    """What the comparisons of the new LLM tell of it."""
    rows = rows.take(rows.decided)
    mine = rows.models.index(name)
    place = {each: at for at, each in enumerate(base.models)}
    number = np.array([place.get(each, -1) for each in rows.models])
    first = rows.model_a == mine
    prompts, which = np.unique(rows.prompt, return_inverse=True)
    return FewPrompts(
        base.scores[prompts],
        None if base.vectors is None else base.vectors[prompts],
        which,
        number[np.where(first, rows.model_b, rows.model_a)],
        (first == (rows.winner == A)).astype(float),
        np.ones(len(rows)),
    )


def measured(router: Trained, held: Comparisons, name: str, whole: Trained) -> tuple[float, ...]:
    """Accuracy, log loss, regret, rank correlation."""
    from scipy.stats import spearmanr

    place = {each: at for at, each in enumerate(router.models)}
    number = np.array([place[each] for each in held.models])
    mine = held.models.index(name)
    rows = held.take(held.decided & ((held.model_a == mine) | (held.model_b == mine)))
    margin = router.scores[rows.prompt, number[rows.model_a]] - router.scores[rows.prompt, number[rows.model_b]]
    margin = np.where(rows.winner == A, margin, -margin)
    prompts = np.unique(rows.prompt)
    worth = won(held.take(np.isin(held.prompt, prompts)), prompts, held.models)
    known = np.where(np.isnan(worth), -np.inf, router.scores[prompts][:, number])
    regret = np.nanmax(worth, axis=1) - worth[np.arange(len(prompts)), known.argmax(axis=1)]
    leads = [each.scores[prompts, each.models.index(name)] - each.scores[prompts].mean(axis=1)
             for each in (router, whole)]  # fmt: skip
    flat = min(np.ptp(lead) for lead in leads) < 1e-9
    correlation = np.nan if flat else float(spearmanr(*leads).statistic)
    return float((margin > 0).mean()), float(np.logaddexp(0, -margin).mean()), float(regret.mean()), correlation


def train(kind: str, data: LoadedData, cache: Path) -> Trained:
    """A router, and its scores of all the data's prompts."""
    builder = registry.load(kind)
    fields, epochs = KINDS[kind]
    spec = builder.Spec.model_validate({"model_type": kind} | fields)
    spec = spec.model_copy(update=dict.fromkeys(builder.Spec.row_filters, 1))

    with tempfile.TemporaryDirectory() as name:
        context = silent_context(Path(name), data, epochs=epochs, batch_size=64, seed=SEED, cache=cache)
        temperature = builder.train(spec, context).metrics["temperature"]
        predictor = builder.Predictor.load(context.artifact)
        predictor.use_cache(cache)
        prompts, histories = data.train.prompts, data.train.histories
        scores = np.asarray(predictor.score_llms(prompts, list(predictor.models), histories=histories)).T / temperature
        return Trained(tuple(predictor.models), scores, predictor.prompt_vectors(prompts))


if __name__ == "__main__":
    main()
