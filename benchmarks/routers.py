"""Every kind on one data set and one held-out split, side by side with 95 % intervals, whatever they say.

    python benchmarks/routers.py [--dataset sample | FILE.jsonl] [--epochs 30]

Each kind trains its own example's spec, on this data, as a local process through the command line.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="sample")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--validation-split", type=float, default=0.3)
    parser.add_argument("--seed", type=int, default=42)
    arguments = parser.parse_args()
    dataset = str(Path(arguments.dataset).absolute()) if "." in arguments.dataset else arguments.dataset
    data = {"dataset": dataset, "validation_split": arguments.validation_split, "seed": arguments.seed}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"RUNNER_HOME": folder}
        words = [sys.executable, "-m", "runner", "train", "--executor", "local", "--json"]
        for kind in kinds():
            document = json.loads((ROOT / "specs" / f"{kind}.json").read_text()) | {"data": data}
            if document.get("epochs"):
                document["epochs"] = arguments.epochs
            started = time.perf_counter()
            done = subprocess.run(
                words, input=json.dumps(document), env=environment, cwd=folder, capture_output=True, text=True
            )
            seconds = time.perf_counter() - started
            answer = json.loads(done.stdout)
            rows.append((kind, answer.get("metrics"), answer.get("message"), seconds))
    rows.sort(key=lambda row: -((row[1] or {}).get("accuracy") or 0))
    print(f"{arguments.dataset}, validation split {arguments.validation_split}, seed {arguments.seed}")
    print(f"{'kind':24}  accuracy  95 % interval   log loss  calibration  compared  whole command")
    for kind, metrics, fault, seconds in rows:
        if metrics is None:
            print(f"{kind:24}  failed: {fault}")
            continue
        interval = f"[{metrics['accuracy_low']:.3f}, {metrics['accuracy_high']:.3f}]"
        print(
            f"{kind:24}  {metrics['accuracy']:8.3f}  {interval}  {metrics['log_loss']:8.3f}  "
            f"{metrics['calibration_error']:11.3f}  {metrics['n_decided']:8}  {seconds:11.1f} s"
        )


def kinds() -> list[str]:
    """The kinds that have an example."""
    listing = subprocess.run(
        [sys.executable, "-m", "runner", "models", "--json"], check=True, capture_output=True, text=True
    )
    names = [row["model_type"] for row in json.loads(listing.stdout)["types"]]
    return [name for name in names if (ROOT / "specs" / f"{name}.json").exists()]


if __name__ == "__main__":
    main()
