"""What embedding costs a second training on the same data, over the first: both whole commands, with one cache.

    python benchmarks/embedding_cache.py [--dataset sample] [--max-samples 2000]

dense_network is trained twice through the command line, in a folder of its own. Each training process is watched from
within: how long its call of ``encoder.embed`` took, which is loading the encoder, encoding, and the cache, both ways.
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
#: Python imports a module of this name from PYTHONPATH when it starts: it times `embed` once that is imported.
WATCH = """
import importlib.machinery, os, sys, time

class Watch(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name != "runner.training.sentence_encoder":
            return None
        spec = super().find_spec(name, path, target)
        load = spec.loader.exec_module

        def loaded(module):
            load(module)
            embed = module.embed

            def timed(texts, *words, **named):
                started = time.perf_counter()
                vectors = embed(texts, *words, **named)
                with open(os.environ["WATCHED"], "a") as file:
                    print(time.perf_counter() - started, len(set(texts)), file=file)
                return vectors

            module.embed = timed

        spec.loader.exec_module = loaded
        return spec

sys.meta_path.insert(0, Watch)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="sample")
    parser.add_argument("--max-samples", type=int, default=2000)
    words = parser.parse_args()
    document = json.loads((ROOT / "specs" / "dense_network.json").read_text())
    dataset = str(Path(words.dataset).absolute()) if "." in words.dataset else words.dataset
    document |= {"data": {"dataset": dataset, "max_samples": words.max_samples}, "epochs": 2}
    print(f"load {os.getloadavg()[0]:.1f}")
    print(f"{'training':10}  {'texts':>6}  {'embedding':>11}  {'ratio':>8}  {'whole command':>13}")
    first = None
    with tempfile.TemporaryDirectory() as folder:
        timings = [(name, *train(document, Path(folder), name)) for name in ("first", "second")]
    for name, seconds, texts, whole in timings:
        first = first or seconds
        print(f"{name:10}  {texts:6}  {seconds * 1e3:8.1f} ms  {seconds / first:8.2%}  {whole:11.1f} s")


def train(document: dict[str, object], folder: Path, name: str) -> tuple[float, int, float]:
    """Seconds in `embed`, the distinct texts it was given, and the whole command's seconds."""
    (folder / "sitecustomize.py").write_text(WATCH)
    environment = os.environ | {
        "RUNNER_HOME": str(folder / "home"),
        "RUNNER_CACHE_DIR": str(folder / "cache"),
        "PYTHONPATH": str(folder),
        "WATCHED": str(folder / name),
    }
    command = [sys.executable, "-m", "runner", "train", "--executor", "local", "--json"]
    started = time.perf_counter()
    subprocess.run(
        command, input=json.dumps(document), text=True, cwd=ROOT, env=environment, capture_output=True, check=True
    )
    whole = time.perf_counter() - started
    (line,) = (folder / name).read_text().splitlines()
    seconds, texts = line.split()
    return float(seconds), int(texts), whole


if __name__ == "__main__":
    main()
