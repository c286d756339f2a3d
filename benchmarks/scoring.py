"""Where the time goes when dn_embedding scores many prompts and LLMs whose embeddings are in the cache.

    python benchmarks/scoring.py [--prompts 10000] [--models 20] [--runs 3]

A router of the default sizes is trained for an epoch on the packaged sample and learns further LLMs from their answers,
to have as many as asked for. The prompts are the sample's, varied until there are enough, all distinct; vectors of
random numbers stand in the cache for them, which cost as much to read as real ones. One thread, in processor time, so
that other work on the machine counts for little. The same matrix products alone, on matrices of the same shapes in
pieces as large, are the floor that the whole is held against.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

from runner import registry
from runner.builders.routing._neural.embedding_networks import EmbeddingScorer
from runner.builders.routing._neural.score_matrix import ROWS
from runner.data.embedding_cache import EmbeddingCache, text_key
from runner.training.sentence_encoder_settings import identity

ROOT = Path(__file__).parents[1]
#: Torch's operators, by name; the rest is other work on tensors.
PRODUCTS = ("aten::addmm", "aten::addmm_", "aten::mm")
ELEMENTWISE = (
    "aten::native_layer_norm",
    "aten::leaky_relu_",
    "aten::add",
    "aten::add_",
    "aten::sub",
    "aten::mul",
    "aten::tanh",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=10_000)
    parser.add_argument("--models", type=int, default=20)
    parser.add_argument("--runs", type=int, default=3)
    words = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        artifact = trained(home)
        predictor = registry.load("dn_embedding").Predictor.load(artifact)
        names = with_more(predictor, words.models)
        prompts = varied(words.prompts)
        fill(home / "cache", artifact / "encoder", prompts)
        predictor.use_cache(home / "cache")
        whole = median(lambda: predictor.predict(prompts, names), words.runs)
        with profile(activities=[ProfilerActivity.CPU]) as profiled:
            predictor.predict(prompts, names)
        stored = predictor._stored
        first, _, vectors = stored._reader.read(prompts, None, 128)
        read = median(lambda: stored._reader.read(prompts, None, 128), words.runs)
        features = median(lambda: stored._reader.features(prompts, None, first), words.runs)
        floor = median(products_alone(stored._network, len(vectors), len(names)), words.runs)
        network = whole - read - features
    print(f"{len(prompts):,} prompts x {len(names)} LLMs, {ROWS} pairs at a time; one thread")
    print(f"whole                      {whole:7.2f} s, {1e6 * whole / len(prompts) / len(names):.1f} ms a 1,000 pairs")
    for name, seconds in (("embeddings from the cache", read), ("45 features", features), ("network", network)):
        print(f"  {name:25}{seconds:7.2f} s  {seconds / whole:6.1%}")
    print(f"the same products alone    {floor:7.2f} s")
    print(f"the network takes {network / floor:.2f}x of that, the whole {whole / floor:.2f}x")
    share(profiled)


def share(profiled: Any) -> None:
    """Print the operators' own time by group, from torch's profiler."""
    own = {event.key: event.self_cpu_time_total / 1e6 for event in profiled.key_averages()}
    total = sum(own.values())
    products = sum(seconds for name, seconds in own.items() if name in PRODUCTS)
    elementwise = sum(seconds for name, seconds in own.items() if any(part == name for part in ELEMENTWISE))
    print(f"in torch, by its profiler: matrix products {products / total:.1%}, elementwise {elementwise / total:.1%}")
    for name, seconds in sorted(own.items(), key=lambda item: -item[1])[:6]:
        print(f"  {name:25}{seconds:7.2f} s  {seconds / total:6.1%}")


def products_alone(network: EmbeddingScorer, prompts: int, models: int) -> Callable[[], None]:
    """Every matrix product of the scoring, on random matrices, and nothing else."""
    trunk = network.trunk
    blocks = [trunk.first, *trunk.later]
    pairs: list[tuple[torch.Tensor, torch.Tensor]] = []
    for number, block in enumerate(blocks):
        layers = [block.linear, block.skip] if block.skip is not None else [block.linear]
        pairs += [(torch.randn(ROWS, layer.in_features), layer.weight.detach().T) for layer in layers if number > 0]
    pairs.append((torch.randn(ROWS, network.output.in_features), network.output.weight.detach().T))
    once = [
        (torch.randn(prompts, layer.in_features), layer.weight.detach().T)
        for layer in (trunk.project_prompt, trunk.project_features, trunk.first.linear, trunk.first.skip)
        if layer is not None
    ]

    def run() -> None:
        with torch.inference_mode():
            for left, right in once:
                left @ right
            for _ in range(-(-prompts * models // ROWS)):
                for left, right in pairs:
                    left @ right

    return run


def trained(home: Path) -> Path:
    """A stored dn_embedding of the default sizes: its folder."""
    spec = json.loads((ROOT / "specs" / "dn_embedding.json").read_text())
    spec["model"]["spec"] = {"model_type": "dn_embedding", "embedding_model_epochs": 1}
    spec |= {"epochs": 1}
    words = [sys.executable, "-m", "runner", "train", "--spec-file", "-", "--executor", "local", "--json"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "RUNNER_HOME": str(home)}
    done = subprocess.run(words, input=json.dumps(spec), cwd=home, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return home / json.loads(done.stdout)["path"]


def with_more(predictor: Any, models: int) -> list[str]:
    """The LLMs that it knows, and as many new ones as are wanted."""
    while len(predictor.models) < models:
        number = len(predictor.models)
        predictor.add_llm(f"llm-{number}", ["What is 2 + 2?", "Say hello."], [f"{number}", f"Hello, I am {number}."])
    return list(predictor.models)[:models]


def varied(count: int) -> list[str]:
    """Distinct prompts of the sample's lengths and kinds."""
    from pyarrow import parquet

    rows = parquet.read_table(
        ROOT / "runner" / "data" / "comparisons" / "sample" / "comparisons.parquet", columns=["conversation_a"]
    )
    real = sorted({row[0]["content"][0]["text"] for row in rows["conversation_a"].to_pylist()})
    return [f"{real[at % len(real)]} ({at // len(real)})" for at in range(count)]


def fill(cache: Path, encoder: Path, prompts: list[str]) -> None:
    """Put a vector of length 1 into the cache for every prompt."""
    vectors = np.random.default_rng(0).normal(size=(len(prompts), 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    store = EmbeddingCache(cache / "embeddings", identity(encoder), lambda *_, **__: None)
    store.put([text_key(prompt) for prompt in prompts], vectors)


def median(work: Callable[[], object], runs: int) -> float:
    """Seconds of processor time, the middle of some runs after one to warm up."""
    work()
    seconds = []
    for _ in range(runs):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
