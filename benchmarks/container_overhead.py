"""What `runner train` adds to a container: its whole time over the same worker started by hand with `docker run`.

    python benchmarks/container_overhead.py [--runs 3] [--epochs 60]

Both do the same training from the same plan. The hand-typed command has no supervisor, no lease and no promotion.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=60)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        environment = os.environ | {"RUNNER_CACHE_DIR": str(home / "cache")}
        document = json.loads((ROOT / "specs" / "quickstart.json").read_text()) | {"epochs": arguments.epochs}
        (home / "spec.json").write_text(json.dumps(document))
        train = [sys.executable, "-m", "runner", "train", "--spec-file", "spec.json", "--executor", "docker", "--json"]

        def by_runner() -> tuple[float, str]:
            started = time.perf_counter()
            done = subprocess.run(train, cwd=home, env=environment, check=True, capture_output=True, text=True)
            return time.perf_counter() - started, json.loads(done.stdout)["run"]

        _, first = by_runner()  # embeds the prompts once: the cache is warm for both from here on
        plan = subprocess.run([*train, "--dry-run"], cwd=home, env=environment, check=True, capture_output=True)
        words = json.loads(plan.stdout)["command"]

        def by_hand(number: int) -> float:
            run = home / "runs" / f"by-hand-{number}"
            for name in ("checkpoints", "artifact"):
                (run / name).mkdir(parents=True)
            for name in ("spec.json", "plan.json", "state.json"):
                shutil.copy(home / "runs" / first / name, run)
            for path in [run, *run.iterdir()]:
                path.chmod(0o777)
            command = [word.replace(str(home / "runs" / "RUN"), str(run)) for word in words]
            started = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            return time.perf_counter() - started

        rows = [(by_runner()[0], by_hand(number)) for number in range(arguments.runs)]
    runner, hand = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"runner train --executor docker   {runner:6.2f} s")
    print(f"docker run IMAGE worker, by hand {hand:6.2f} s")
    print(f"ratio                            {runner / hand:6.2f}x")


if __name__ == "__main__":
    main()
