"""What rating a million comparisons of 150 LLMs costs: time over a bare loop's or another tool's, and memory.

    python benchmarks/ratings.py [--comparisons 1000000] [--llms 150] [--only METHOD ...]

The comparisons are drawn from Bradley-Terry strengths, seeded, without texts. Each method has a process of its own,
whose peak memory is the operating system's figure: the data, the libraries and all that is measured. `fit` is the
rating's own functions, intervals apart; `train` is all that a run does once the data is read, intervals included.
`arena-rank` has to be installed for the line that compares with it. Set OMP_NUM_THREADS to limit the threads.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from silent_training import silent_context

from runner import registry
from runner.contract import LoadedData
from runner.data.comparisons import BOTH_BAD, TIE, A, B, Comparisons

SEED = 42
EPOCHS = 10
PROMPTS = 200_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--comparisons", type=int, default=1_000_000)
    parser.add_argument("--llms", type=int, default=150)
    parser.add_argument("--only", nargs="+", choices=sorted(METHODS), default=list(METHODS))
    parser.add_argument("--child", choices=sorted(METHODS), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        measured = METHODS[arguments.child](arguments.comparisons, arguments.llms)
        measured["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(measured))
        return
    print(f"{arguments.comparisons:,} comparisons of {arguments.llms} LLMs on {PROMPTS:,} prompts, seed {SEED}")
    print(f"{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}")
    print(f"{'method':24}  {'fit':>8}  {'train':>8}  {'peak':>8}")
    for name in arguments.only:
        if name == "arena-rank" and importlib.util.find_spec("arena_rank") is None:
            print(f"{name:24}  not installed")
            continue
        sizes = ("--comparisons", str(arguments.comparisons), "--llms", str(arguments.llms))
        words = [sys.executable, __file__, "--child", name, *sizes]
        row = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])
        whole = f"{row['train']:6.2f} s" if "train" in row else ""
        print(f"{name:24}  {row['fit']:6.2f} s  {whole:>8}  {row['peak']:5.0f} MB")
        for line in row.get("notes", ()):
            print(f"  {line}")
    print(f"load afterwards {os.getloadavg()[0]:.1f}")


def draw(n: int, n_llms: int) -> LoadedData:
    """``n`` comparisons to train on and a tenth of that held out, on prompts of their own."""
    rng = np.random.default_rng(SEED)
    strength = rng.normal(0.0, 0.7, n_llms)
    # Some LLMs are compared ten times as often as others, as on a leaderboard.
    share = np.exp(rng.uniform(0.0, np.log(10.0), n_llms))
    prompts = tuple(f"prompt {number}" for number in range(PROMPTS))
    models = tuple(f"llm-{number:03}" for number in range(n_llms))

    def some(count: int, first: int, last: int) -> Comparisons:
        a = rng.choice(n_llms, count, p=share / share.sum()).astype(np.int32)
        b = ((a + rng.integers(1, n_llms, size=count)) % n_llms).astype(np.int32)
        won = rng.random(count) < 1 / (1 + np.exp(strength[b] - strength[a]))
        kind = rng.random(count)
        winner = np.select([kind < 0.15, kind < 0.3, won], [TIE, BOTH_BAD, A], B).astype(np.int8)
        prompt = rng.integers(first, last, size=count).astype(np.int32)
        empty = ("",) * count
        return Comparisons(
            models, prompts, ((),) * PROMPTS, prompt, a, b, winner, empty, empty, {}, ("",) * PROMPTS
        )  # fmt: skip

    cut = PROMPTS * 9 // 10
    return LoadedData(some(n, 0, cut), some(n // 10, cut, PROMPTS), "0" * 64, {})


def train(kind: str, data: LoadedData, **fields: Any) -> float:
    """Seconds that the whole `train` of a kind takes."""
    builder = registry.load(kind)
    spec = builder.Spec(model_type=kind, min_model_occurrences=1, **fields)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        context = silent_context(folder, data, epochs=EPOCHS, batch_size=0, seed=SEED, cache=folder / "cache")
        return seconds(lambda: builder.train(spec, context))


def seconds(work: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> float:
    started = clock()
    work()
    return clock() - started


def elo(n: int, n_llms: int) -> dict[str, Any]:
    """Elo against the barest loop that numba compiles: columns in their order, no nudges, no draws."""
    data = draw(n, n_llms)
    # First, while nothing is compiled: as a run has it.
    whole = train("elo_scoring", data)
    from numba import njit

    from runner.builders.routing._ratings.elo import Elo, play
    from runner.builders.routing._ratings.elo_order import Order

    @njit
    def bare(ratings, a, b, actual, base):  # type: ignore[no-untyped-def]
        for row in range(len(a)):
            change = 32.0 * (actual[row] - 1.0 / (1.0 + base ** ((ratings[b[row]] - ratings[a[row]]) / 400.0)))
            ratings[a[row]] += change
            ratings[b[row]] -= change

    rows = data.train
    actual = np.select([rows.winner == A, rows.winner == B], [1.0, 0.0], 0.5)

    def floor() -> None:
        ratings = np.full(n_llms, 1500.0)
        for _ in range(EPOCHS):
            bare(ratings, rows.model_a, rows.model_b, actual, 10.0)

    def ours() -> None:
        order, ratings = Order(rows, True, SEED, compiled=True), np.full(n_llms, 1500.0)
        for epoch in range(1, EPOCHS + 1):
            play(ratings, order.of_epoch(epoch), Elo(), compiled=True)

    bare(np.full(n_llms, 1500.0), rows.model_a[:1], rows.model_b[:1], actual[:1], 10.0)
    ours()
    # Both have one thread, so the processor's time compares them whatever else the machine does.
    times = np.array([(seconds(floor, time.process_time), seconds(ours, time.process_time)) for _ in range(3)])
    least, cost = times.min(axis=0)
    notes = [
        f"{EPOCHS} epochs by processor time: the bare loop {least:.2f} s, fit {cost:.2f} s, compiled before: "
        f"{cost / least:.2f}x"
    ]
    fit = seconds(ours)
    return {"fit": fit, "train": whole, "notes": notes}


def greedy(n: int, n_llms: int) -> dict[str, Any]:
    from runner.builders.routing._ratings.greedy import net_wins, ranks
    from runner.builders.routing._ratings.pair_counts import count_pairs

    data = draw(n, n_llms)
    fit = seconds(lambda: ranks(net_wins(count_pairs(data.train))))
    return {"fit": fit, "train": train("greedy_ranking", data, print_summary=False)}


def least_squares(n: int, n_llms: int) -> dict[str, Any]:
    from runner.builders.routing._ratings.least_squares import least_squares
    from runner.builders.routing._ratings.pair_counts import count_pairs

    data = draw(n, n_llms)
    fit = seconds(lambda: least_squares(count_pairs(data.train)))
    return {"fit": fit, "train": train("least_squares_scoring", data, print_summary=False)}


def mcmf(n: int, n_llms: int) -> dict[str, Any]:
    from runner.builders.routing._ratings.min_cost_flow import potentials
    from runner.builders.routing._ratings.pair_counts import count_pairs

    data = draw(n, n_llms)
    fit = seconds(lambda: potentials(count_pairs(data.train)))
    return {"fit": fit, "train": train("mcmf_scoring", data, print_summary=False)}


def bradley_terry_bootstrap(n: int, n_llms: int) -> dict[str, Any]:
    from runner.builders.routing._ratings.bradley_terry import bradley_terry
    from runner.builders.routing._ratings.pair_counts import count_pairs

    data = draw(n, n_llms)
    fit = seconds(lambda: bradley_terry(count_pairs(data.train)))
    return {"fit": fit, "train": train("bradley_terry_scoring", data, bootstrap_samples=100)}


def bradley_terry_sandwich(n: int, n_llms: int) -> dict[str, Any]:
    data = draw(n, n_llms)
    fit = seconds(lambda: _ours(data.train))
    return {"fit": fit, "train": train("bradley_terry_scoring", data, bootstrap_samples=0)}


def arena_rank(n: int, n_llms: int) -> dict[str, Any]:
    """Bradley-Terry with sandwich intervals by arena-rank, from a data frame that it is given, and by this tool."""
    import pandas as pd
    from arena_rank.models.bradley_terry import BradleyTerry
    from arena_rank.utils.data_utils import PairDataset

    data = draw(n, n_llms).train
    words = np.array(["model_a", "model_b", "tie", "both_bad"])
    names = np.array(data.models)
    frame = pd.DataFrame({"model_a": names[data.model_a], "model_b": names[data.model_b], "winner": words[data.winner]})
    found: dict[str, Any] = {}

    def build() -> None:
        found["set"] = PairDataset.from_pandas(frame)

    def rate(**stop: float) -> None:
        model = BradleyTerry(n_competitors=n_llms, **stop)
        found["rated"] = model.compute_ratings_and_cis(found["set"], ci_method="sandwich")

    def difference() -> float:
        ends = [np.asarray(found["rated"][key]) for key in ("ratings", "rating_lower", "rating_upper")]
        order = np.argsort(found["rated"]["competitors"])
        return max(float(np.abs(end[order] - own).max()) for end, own in zip(ends, _ours(data), strict=True))

    building, first = seconds(build), seconds(rate)
    building_again, again = seconds(build), seconds(rate)
    as_it_comes = difference()
    ours = min(seconds(lambda: _ours(data)) for _ in range(3))
    rate(ftol=0.0, gtol=1e-12)
    notes = [
        f"the same here: {ours:.2f} s; arena-rank takes {(building + first) / ours:.0f}x the first time "
        f"({building:.2f} s for its data set, {first:.2f} s to fit), "
        f"{(building_again + again) / ours:.0f}x compiled ({building_again:.2f} s and {again:.2f} s)",
        f"largest difference of a rating or an end of its interval: {as_it_comes:.1e} points with its own "
        f"stopping rule, {difference():.1e} once it is made to go on",
    ]
    return {"fit": building + first, "notes": notes}


def _ours(data: Comparisons) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ratings and the ends of their sandwich intervals."""
    from runner.builders.routing._ratings.bradley_terry import bradley_terry, normal_quantile, sandwich_errors
    from runner.builders.routing._ratings.pair_counts import count_pairs

    pairs = count_pairs(data)
    strengths = bradley_terry(pairs)
    reach = normal_quantile() * sandwich_errors(pairs, strengths)
    points = 400 / np.log(10)
    return tuple(1000 + points * (strengths + sign * reach) for sign in (0, -1, 1))  # type: ignore[return-value]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


METHODS: dict[str, Callable[[int, int], dict[str, Any]]] = {
    "elo": elo,
    "greedy": greedy,
    "least squares": least_squares,
    "mcmf": mcmf,
    "Bradley-Terry, bootstrap": bradley_terry_bootstrap,
    "Bradley-Terry, sandwich": bradley_terry_sandwich,
    "arena-rank": arena_rank,
}

if __name__ == "__main__":
    main()
