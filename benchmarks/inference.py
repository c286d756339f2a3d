"""What `runner infer` takes for a file of prompts, over the same computation typed by hand with transformers and torch.

    python benchmarks/inference.py [--prompts 10000] [--models 20] [--runs 1]

A dense network is trained on the packaged sample, each of whose answerers counts as two LLMs, to have twenty. The loop
by hand encodes the prompts in batches of 128, longest first, and puts each LLM through the network; only the 45 prompt
features are Runner's own. All are whole processes, start of Python included: `cold` has an empty embedding cache,
`cached` the one that `cold` filled.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
BATCH = 128


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=10_000)
    parser.add_argument("--models", type=int, default=20)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--bare", nargs=3, type=Path, metavar=("MODEL", "PROMPTS", "OUTPUT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.bare:
        bare(*arguments.bare, arguments.models)
        return
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        model, names = prepare(home, arguments.prompts, arguments.models, environment)
        stored, by_hand = home / "models" / model / "v1", home / "bare.npy"
        script = [sys.executable, Path(__file__), "--models", str(arguments.models), "--bare"]
        infer = [sys.executable, "-m", "runner", "infer", "--model", model, "--models-to-score", *names]
        infer += ["--prompts-file", "prompts.txt", "--output-path", "scores.json"]
        seconds: dict[str, list[float]] = {"by hand": [], "cold": [], "cached": []}
        for turn in range(arguments.runs):
            fresh = environment | {"RUNNER_CACHE_DIR": str(home / f"cache-{turn}")}
            for name, words in (
                ("by hand", [*script, stored, home / "prompts.txt", by_hand]),
                ("cold", infer),
                ("cached", infer),
            ):
                started = time.perf_counter()
                subprocess.run(words, cwd=home, env=fresh, capture_output=True, check=True)
                seconds[name].append(time.perf_counter() - started)
        scores = np.array([json.loads((home / "scores.json").read_text())[name] for name in names])
        apart = np.abs(scores - np.load(by_hand)).max()
    cores = len(os.sched_getaffinity(0))
    print(f"{arguments.prompts:,} prompts, {len(names)} LLMs; {cores} cores, {platform.machine()}, no GPU used")
    floor = statistics.median(seconds["by hand"])
    for name, values in seconds.items():
        median = statistics.median(values)
        print(f"{name:10}  {median:7.1f} s  {median / floor:5.2f}x  {arguments.prompts / median:7,.0f} prompts/s")
    print(f"the scores differ by {apart:.1e} at most")


def prepare(home: Path, prompts: int, models: int, environment: dict[str, str]) -> tuple[str, list[str]]:
    """Train the model and write the file of prompts. Returns the model's name and those of the LLMs to score."""
    import pyarrow as pa
    from pyarrow import parquet

    sample = parquet.read_table(ROOT / "runner" / "data" / "comparisons" / "sample" / "comparisons.parquet")
    for column in ("model_a", "model_b"):
        names = [f"{name} {at // 7 % 2}" for at, name in enumerate(sample[column].to_pylist())]
        sample = sample.set_column(sample.schema.get_field_index(column), column, pa.array(names))
    parquet.write_table(sample, home / "comparisons.parquet")
    spec = json.loads((ROOT / "specs" / "quickstart.json").read_text())
    spec |= {"data": {"dataset": "comparisons.parquet"}, "epochs": 1}
    spec.pop("$schema")
    train = [sys.executable, "-m", "runner", "train", "--executor", "local", "--json"]
    done = subprocess.run(
        train, input=json.dumps(spec), cwd=home, env=environment, capture_output=True, text=True, check=True
    )
    asked = list(dict.fromkeys(talk[0]["content"][0]["text"] for talk in sample["conversation_a"].to_pylist()))
    lines = [f"{' '.join(asked[at % len(asked)].split())} ({at})" for at in range(prompts)]
    (home / "prompts.txt").write_text("\n".join(lines))
    known = json.loads((home / json.loads(done.stdout)["path"] / "model.json").read_text())["models"]
    return "dense_network/quickstart", known[:models]


def bare(stored: Path, prompts: Path, output: Path, models: int) -> None:
    """The computation alone: float64 ``[models, prompts]`` to a file."""
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModel, AutoTokenizer

    from runner.builders.routing._prompts.features import features

    texts = prompts.read_text().split("\n")
    document = json.loads((stored / "model.json").read_text())
    weights = load_file(stored / "network.safetensors")
    tokenizer = AutoTokenizer.from_pretrained(stored / "encoder")
    encoder = AutoModel.from_pretrained(stored / "encoder").eval()
    order = np.argsort([-len(text) for text in texts], kind="stable")
    vectors = torch.zeros(len(texts), encoder.config.hidden_size)
    with torch.inference_mode():
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            some = [texts[row] for row in rows]
            inputs = tokenizer(some, padding=True, truncation=True, max_length=256, return_tensors="pt")
            mask = inputs["attention_mask"].unsqueeze(-1)
            tokens = encoder(**inputs).last_hidden_state
            means = (tokens * mask).sum(1) / mask.sum(1)
            vectors[torch.from_numpy(rows)] = torch.nn.functional.normalize(means, dim=1)
        raw = features(texts, [()] * len(texts))
        told = (raw - np.array(document["feature_mean"])) / np.array(document["feature_std"])
        table = torch.cat([vectors, torch.from_numpy(told).float()], dim=1)
        scores = []
        for own in weights["model_embedding.weight"][:models]:
            x = torch.cat([table, own.expand(len(table), -1)], dim=1)
            for at in range(len(document["hidden_dims"])):
                x = torch.nn.functional.linear(x, weights[f"layers.{3 * at}.weight"], weights[f"layers.{3 * at}.bias"])
                x = torch.nn.functional.leaky_relu(x, 0.1)
            last = 3 * len(document["hidden_dims"])
            x = torch.nn.functional.linear(x, weights[f"layers.{last}.weight"], weights[f"layers.{last}.bias"])
            scores.append(torch.tanh(x).squeeze(1).double().numpy())
    np.save(output, np.stack(scores))


if __name__ == "__main__":
    main()
