"""What a sweep costs beside the trainings themselves, and what it gains.

    python benchmarks/sweeps.py [--part overhead parallel search] [--rounds 3] [--trials 24] [--seeds 20]

``overhead``: a sweep of four trials, one at a time, over the same four specs, each by a `runner train` of its own, and
over their trainings in one process through the Python interface: how much a trial costs beyond its training.
``parallel``: a sweep of 24 trials of a router, two at a time, over a shell's loop of `runner train` of the same specs.
``search``: how many trials random and TPE need to come to the best that 100 random draws came to, on a made-up
objective, the median of 20 seeds; nothing is trained. The objective is the Branin function of two numbers (its three
minima are 0.3979) plus a penalty of 0, 2 and 5 for three choices. Everything is asked and told by the code that sweeps
use.

Each part is one run on one machine, its sides one after the other, in turns.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parents[1]
RUNNER = [sys.executable, "-m", "runner"]
KIND: dict[str, Any] = {"model_type": "elo_scoring", "min_model_occurrences": 20}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", nargs="+", choices=("overhead", "parallel", "search"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--seeds", type=int, default=20)
    words = parser.parse_args()
    parts = words.part or ["overhead", "parallel", "search"]
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    if "overhead" in parts:
        overhead(words.rounds)
    if "parallel" in parts:
        parallel(words.trials)
    if "search" in parts:
        search(words.seeds)


def document(trials: int, at_a_time: int) -> dict[str, Any]:
    """A sweep of a router's ratings: a grid of as many factors."""
    return {
        "sweep": {
            "name": "many",
            "method": "grid",
            "parallel": at_a_time,
            "space": {"model.spec.k_factor": [4.0 + number for number in range(trials)]},
        },
        "base": {
            "model": {"name": "ratings", "spec": KIND},
            "data": {"dataset": "sample", "validation_split": 0.2},
            "epochs": 40,
            "run": {"executor": "local"},
        },
    }


def swept(home: Path, trials: int, at_a_time: int) -> tuple[float, list[Path]]:
    """Seconds of a whole `runner sweep run`, and the specs that it trained."""
    home.mkdir()
    (home / "sweep.json").write_text(json.dumps(document(trials, at_a_time)))
    taken = timed([*RUNNER, "sweep", "run", "sweep.json", "--json"], home)
    specs = sorted((home / "sweeps" / "many" / "trials").glob("*.json"))
    assert len(specs) == trials
    return taken, specs


def overhead(rounds: int) -> None:
    """One trial after another over the trainings alone."""
    print("\none trial at a time, 4 trials; seconds of the whole, medians")
    sweep_seconds, trains, alone = [], [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            seconds, specs = swept(Path(folder) / "sweep", 4, 1)
            sweep_seconds.append(seconds)
            (Path(folder) / "train").mkdir()
            trains.append(
                sum(timed([*RUNNER, "train", "--spec-file", str(spec)], Path(folder) / "train") for spec in specs)
            )
            (Path(folder) / "python").mkdir()
            program = (
                "import sys; from runner import Runner; desk = Runner(); "
                "[desk.train(spec, executor='local') for spec in sys.argv[1:]]"
            )
            alone.append(timed([sys.executable, "-c", program, *map(str, specs)], Path(folder) / "python"))
    whole, commands, process = map(statistics.median, (sweep_seconds, trains, alone))
    print(f"{'4 x runner train':<44} {commands:7.2f}   1.00x")
    print(f"{'the same in one process, by the Python API':<44} {process:7.2f} {process / commands:6.2f}x")
    print(f"{'runner sweep run':<44} {whole:7.2f} {whole / commands:6.2f}x")
    print(
        f"a trial costs {(whole - commands) / 4:+.2f} s over `runner train`, {(whole - process) / 4:+.2f} s over Python"
    )


def parallel(trials: int) -> None:
    """Two at a time over a loop of a shell."""
    with tempfile.TemporaryDirectory() as folder:
        taken, specs = swept(Path(folder) / "sweep", trials, 2)
        (Path(folder) / "loop").mkdir()
        each = [" ".join([*RUNNER, "train", "--spec-file", str(spec)]) for spec in specs]
        loop = timed(["sh", "-ec", "\n".join(each)], Path(folder) / "loop")
    print(f"\n{trials} trials of elo_scoring; seconds of the whole")
    print(f"{'a loop of runner train':<44} {loop:7.1f}   1.00x")
    print(f"{'runner sweep run, parallel 2':<44} {taken:7.1f} {loop / taken:6.2f}x as fast")


def timed(command: list[str], home: Path) -> float:
    """Wall seconds of a command in a workspace of its own."""
    environment = os.environ | {"PYTHONPATH": str(HERE), "OMP_NUM_THREADS": "1", "RUNNER_HOME": str(home)}
    began = time.monotonic()
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with code {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return time.monotonic() - began


def objective(values: dict[str, Any]) -> float:
    """Branin's function of two numbers, and what the choice costs."""
    x, y = values["/x"], values["/y"]
    wave = (y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6) ** 2
    return wave + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10 + {"a": 5.0, "b": 0.0, "c": 2.0}[values["/choice"]]


def search(seeds: int) -> None:
    """How soon each method comes to what 100 random draws come to."""
    from runner.sweeps.journal import TrialState
    from runner.sweeps.optuna_study import Chooser
    from runner.sweeps.search_space import space_of
    from runner.sweeps.sweep_fields import SweepSection

    space = {"/x": {"min": -5.0, "max": 10.0}, "/y": {"min": 0.0, "max": 15.0}, "/choice": ["a", "b", "c"]}

    def drawn(method: str, seed: int, most: int, goal: float = -math.inf) -> tuple[int, float]:
        """Trials until ``goal`` was come to (``most`` + 1 where it was not), and the best of them."""
        sweep = SweepSection.model_validate({"name": "branin", "method": method, "seed": seed, "space": space})
        chooser = Chooser(sweep, space_of(sweep), {}, ["minimize"])
        best = math.inf
        for number in range(most):
            values = chooser.next(number)
            assert values is not None
            best = min(best, value := objective(values))
            chooser.ended(number, TrialState.COMPLETE, value)
            if best <= goal:
                return number + 1, best
        return most + 1, best

    # Each seed's goal is what another seed's random search came to, so that random is measured on draws of its own.
    goals = [drawn("random", 1000 + seed, 100)[1] for seed in range(seeds)]
    print(
        f"\nBranin and a choice: the best of 100 random draws is {statistics.median(goals):.3f}, the median of {seeds}"
    )
    print(f"{'method':<10} {'trials to come to it':>22} {'best of 40':>12}")
    for method in ("random", "tpe"):
        needed = statistics.median(drawn(method, seed, 100, goal)[0] for seed, goal in enumerate(goals))
        best = statistics.median(drawn(method, seed, 40)[1] for seed in range(seeds))
        shown = f"{needed:g}" if needed <= 100 else "more than 100"
        print(f"{method:<10} {shown:>22} {best:>12.3f}", flush=True)


if __name__ == "__main__":
    main()
