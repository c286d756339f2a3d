"""Routers between RouteLLM's two models, GPT-4 and Mixtral 8x7B, measured as RouteLLM measures its own: APGR.

    python benchmarks/routellm.py --data FOLDER

The rows are RouteLLM's published outcomes on GSM8K's test questions and on a sample of MMLU's: whether each model was
right. Prompts are divided into five folds; each is scored by a router that was trained on the others by
``runner train --executor local``, on both benchmarks together. RouteLLM's own routers were trained on other data
(people's votes of Chatbot Arena, enlarged), so what differs is both the router and what it could learn from.

The measure is that of ``routellm/evals/evaluate.py``: prompts are cut at ten quantiles of the strong model's win rate;
at each of the eleven thresholds those at or above it go to the strong model, at the last one none; the area under
accuracy over the share of strong calls, by trapezoids, less that of the weak model alone, is divided by that of the
strong model alone less the weak's. Quantiles are taken within a fold, whose win rates are one model's. 0.5 is a random
choice. ``calls`` is the least share of strong calls, of the eleven, with which the accuracy is 95 % of the strong
model's. Intervals are 95 % by a bootstrap over prompts.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

# Before numpy is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from routers import CHOSEN, SEED, fold_of, shown, spec_of, table, trained_and_asked

from runner.tasks.ranking.strong_calls import gap_recovered, mean_gap_recovered

FILE = "router_routellm_correct.csv"
WEAK, STRONG = "mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview"
#: Those that need no answers: the file has none.
READERS = ("knn_scoring", "linear_scoring", "dense_network", "matrix_factorization", f"dense_network, {CHOSEN}",
           f"matrix_factorization, {CHOSEN}")  # fmt: skip
ORACLE = "an oracle"
FOLDS, CUTS, DRAWS = 5, 10, 1000
#: The part of the strong model's accuracy at which calls are counted.
ENOUGH = 0.95


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help=f"the folder of {FILE}")
    parser.add_argument("--kinds", nargs="+", choices=READERS, default=list(READERS))
    parser.add_argument("--here", action="store_true", help="train in this process: see routers.py")
    given = parser.parse_args()
    rows = table(given.data / FILE)
    fold = np.array(fold_of([row["prompt"] for row in rows], FOLDS))
    right = {name: np.array([row[name] == "True" for row in rows], float) for name in (WEAK, STRONG)}
    benchmark = np.array([row["benchmark"].partition("/")[0] for row in rows])
    rates = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in given.kinds:
            rates[kind] = win_rates(kind, rows, fold, Path(folder) / kind, given.here)
            print(f"{kind} is done", file=sys.stderr, flush=True)
    rates[ORACLE] = right[STRONG] - right[WEAK]
    for name in np.unique(benchmark):
        mine = benchmark == name
        of_mine = {kind: rate[mine] for kind, rate in rates.items()}
        print(markdown(name, of_mine, fold[mine], right[WEAK][mine], right[STRONG][mine]))


def win_rates(kind: str, rows: list[dict[str, str]], fold: np.ndarray, home: Path, here: bool) -> np.ndarray:
    """By how much the strong model is foretold to lead, for every prompt by a router that did not see it."""
    found = np.zeros(len(rows))
    for number in range(FOLDS):
        held = np.flatnonzero(fold == number)
        seen = [dict(rows[at]) for at in np.flatnonzero(fold != number)]
        for row in seen:
            row |= {name: row[name] == "True" for name in (WEAK, STRONG)}
        document = spec_of(kind, home / str(number), seen)
        _, scores, _ = trained_and_asked(document, [rows[at] for at in held], here)
        found[held] = [scores.of(rows[at], STRONG) - scores.of(rows[at], WEAK) for at in held]
    return found


def markdown(name: str, rates: dict[str, np.ndarray], fold: np.ndarray, weak: np.ndarray, strong: np.ndarray) -> str:
    """One table: every router, the random choice and the oracle."""
    rng = np.random.default_rng(SEED)
    drawn = [rng.integers(len(weak), size=len(weak)) for _ in range(DRAWS)]
    out = [
        f"\n{name}: {len(weak):,} prompts; {WEAK} is right on {weak.mean():.3f} of them, {STRONG} on "
        f"{strong.mean():.3f}.\n",
        "| router | APGR | 95 % interval | calls |",
        "|---|---:|---:|---:|",
    ]
    for kind, of in sorted(rates.items(), key=lambda item: -apgr(*curve(item[1], fold, weak, strong))):
        share, accuracy = curve(of, fold, weak, strong)
        redrawn = [apgr(*curve(of[at], fold[at], weak[at], strong[at])) for at in drawn]
        low, high = np.percentile(redrawn, [2.5, 97.5])
        enough = share[accuracy >= ENOUGH * strong.mean()]
        out.append(
            f"| {kind if kind == ORACLE else shown(kind)} | {apgr(share, accuracy):.3f} | "
            f"{low:.3f} to {high:.3f} | {enough.min():.0%} |"
        )
    even = ENOUGH * strong.mean() - weak.mean()
    out.append(f"| a random choice | 0.500 | | {max(0.0, even / (strong.mean() - weak.mean())):.0%} |")
    return "\n".join(out)


def curve(rate: np.ndarray, fold: np.ndarray, weak: np.ndarray, strong: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares of strong calls, rising, and the accuracy with each: float ``[11]`` twice."""
    sent = np.zeros((CUTS + 1, len(rate)), bool)
    for number in np.unique(fold):
        mine = fold == number
        cuts = np.quantile(rate[mine], np.linspace(0, 1, CUTS + 1))
        sent[:, mine] = rate[mine] >= cuts[:, None]
        sent[-1, mine] = rate[mine] > cuts[-1]
    share = sent.mean(axis=1)[::-1]
    return share, np.where(sent, strong, weak).mean(axis=1)[::-1]


def apgr(share: np.ndarray, accuracy: np.ndarray) -> float:
    """The average performance gap recovered: what ``evaluate.py`` computes, where the ends are the two models alone."""
    return float(mean_gap_recovered(share[None], gap_recovered(accuracy[None]))[0])


if __name__ == "__main__":
    main()
