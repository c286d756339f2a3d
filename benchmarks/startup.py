"""How long the light commands take, over importing pydantic alone: the floor of anything that checks a schema.

    python benchmarks/startup.py [--runs 15] [--every-kind]

Each command is a whole process; `runs list` lists twenty runs that have ended. The rounds are interleaved, so a machine
that is busy for a while is busy for all. With `--every-kind` it checks the example of each kind instead, and names the
slowest.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLOOR = "import pydantic"
COMMANDS = {
    FLOOR: ["-c", "import pydantic"],
    "runner --help": ["-m", "runner", "--help"],
    "runner --version": ["-m", "runner", "--version"],
    "runner validate": ["-m", "runner", "validate", "specs/quickstart.json"],
    "runner schema": ["-m", "runner", "schema", "dense_network"],
    "runner runs list": ["-m", "runner", "runs", "list"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--every-kind", action="store_true")
    words = parser.parse_args()
    commands = COMMANDS
    if words.every_kind:
        specs = sorted(path.stem for path in (ROOT / "specs").glob("*.json"))
        checks = {kind: ["-m", "runner", "validate", f"specs/{kind}.json"] for kind in specs}
        commands = {FLOOR: COMMANDS[FLOOR]} | checks
    with tempfile.TemporaryDirectory() as home:
        record_runs(Path(home))
        medians = timed(commands, words.runs, home)
    if words.every_kind:
        worst = max(medians, key=lambda name: medians[name])
        print(f"the slowest: {worst}, {medians[worst] / medians[FLOOR]:.2f}x")


def record_runs(home: Path, count: int = 20) -> None:
    """Runs that have ended, for `runs list`."""
    from runner.registry import task
    from runner.runs.run_folder import Run, State

    plan = {"model_type": "elo_scoring", "name": "elo", "headline": task("elo_scoring").headline.as_dict()}
    for _ in range(count):
        run = Run.create(home / "runs", "elo", {"plan": plan, "spec": {}})
        run.transition(State.RUNNING)
        run.transition(State.SUCCEEDED, exit_code=0, model="elo_scoring/elo/v1")
        run.write("result", {"metrics": {"accuracy": 0.5}})


def timed(commands: dict[str, list[str]], runs: int, home: str) -> dict[str, float]:
    """Run each command ``runs`` times, print its line of the table, and return the medians in seconds."""
    # As an installed program has it: its own bytecode is kept, as that of what it is compared with is.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["RUNNER_HOME"] = home
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, words in commands.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, check=True)
            if turn:  # the first round fills the file cache
                seconds[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    width = max(map(len, commands))
    print(f"{'command':{width}}  {'median':>8}  {'least':>8}  {'ratio':>6}")
    for name, median in medians.items():
        ratio = median / medians[FLOOR]
        print(f"{name:{width}}  {median * 1e3:5.0f} ms  {min(seconds[name]) * 1e3:5.0f} ms  {ratio:5.2f}x")
    return medians


if __name__ == "__main__":
    main()
