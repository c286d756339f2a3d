"""How long the light commands take, over importing pydantic alone: the floor of anything that checks a schema.

    python benchmarks/startup.py [--runs 15]

Each command is a whole process. The rounds are interleaved, so a machine that is busy for a while is busy for all.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
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
    runs = parser.parse_args().runs
    # As an installed program has it: its own bytecode is kept, as that of what it is compared with is.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for turn in range(runs + 1):
        for name, words in COMMANDS.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, check=True)
            if turn:  # the first round fills the file cache
                seconds[name].append(time.perf_counter() - started)
    floor = statistics.median(seconds[FLOOR])
    print(f"{'command':20}  {'median':>8}  {'least':>8}  {'ratio':>6}")
    for name, values in seconds.items():
        median = statistics.median(values)
        print(f"{name:20}  {median * 1e3:5.0f} ms  {min(values) * 1e3:5.0f} ms  {median / floor:5.2f}x")


if __name__ == "__main__":
    main()
