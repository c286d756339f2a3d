"""What the prompts' features cost, beside their embeddings and beside a plain loop's rate.

    python benchmarks/features.py [--prompts 100000] [--embedded 2000]

Real prompts (the packaged data's, and those of shared/data beside the checkout), each varied by words of others until
there are as many as asked for, all distinct. The features of all are computed; of the embeddings a sample, drawn
evenly over the lengths, is timed after a warm-up and scaled. Both on one thread, in processor time, so that other work
on the machine counts for little: embeddings would use more cores, so the share on a clock is higher by their number.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from runner.builders.routing._prompts.features import features
from runner.training.pretrained import resolve
from runner.training.sentence_encoder import Encoder

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=100_000)
    parser.add_argument("--embedded", type=int, default=2000)
    words = parser.parse_args()
    torch.set_num_threads(1)
    real = real_prompts()
    prompts, histories = varied(real, words.prompts)
    lengths = np.array([len(prompt) for prompt in prompts])
    print(f"{len(real)} real prompts, varied to {len(prompts)}: {lengths.mean():.0f} characters on average,")
    print(f"{np.mean([bool(history) for history in histories]):.0%} with a history; load {os.getloadavg()[0]:.1f}")

    alone = timed(lambda: features(prompts, [()] * len(prompts)))
    after = timed(lambda: features(prompts, histories))

    chosen = np.argsort(lengths, kind="stable")[np.linspace(0, len(prompts) - 1, words.embedded).astype(int)]
    encoder = Encoder.load(resolve("all-MiniLM-L6-v2"))
    encoder.encode([prompts[at] for at in chosen[::20]])
    embedded = timed(lambda: encoder.encode([prompts[at] for at in chosen])) * len(prompts) / len(chosen)

    print(f"{'':42}  {'time':>9}  {'a prompt':>10}  {'ratio':>6}")
    rows = {
        f"embeddings, scaled from {len(chosen)}": embedded,
        "features": alone,
        "features, with the histories": after,
    }
    for name, seconds in rows.items():
        each = seconds / len(prompts) * 1e6
        print(f"{name:42}  {seconds:7.2f} s  {each:7.1f} us  {seconds / embedded:6.2%}")


def real_prompts() -> list[str]:
    """The distinct prompts that are here."""
    import pyarrow.parquet as parquet

    table = parquet.read_table(
        ROOT / "runner" / "data" / "comparisons" / "sample" / "comparisons.parquet", columns=["conversation_a"]
    )
    found = [turns[0]["content"][0]["text"] for turns in table["conversation_a"].to_pylist()]
    for name, prompt in {
        "pandalm_human_comparisons": lambda row: row["conversation_a"][0]["content"][0]["text"],
        "llmbar_preferences": lambda row: text_of(row["prompt"]),
        "vicuna_blog_chat": lambda row: text_of(row["messages"]),
    }.items():
        path = SHARED / f"{name}.jsonl"
        if path.exists():
            found += [prompt(json.loads(line)) for line in path.read_text("utf-8").splitlines()]
    return sorted(set(found))


def text_of(messages: str | list[dict[str, str]]) -> str:
    """A prompt that is a text, or the first user turn of messages."""
    return messages if isinstance(messages, str) else next(m["content"] for m in messages if m["role"] == "user")


def varied(real: list[str], n: int) -> tuple[list[str], list[tuple[str, ...]]]:
    """``n`` distinct prompts, and a history for every fourth."""
    rng = np.random.default_rng(0)
    prompts, histories = [], []
    for at in range(n):
        base = real[at % len(real)].split(" ")
        other = real[int(rng.integers(len(real)))]
        base[int(rng.integers(len(base)))] = other.split(" ")[0] + str(at)
        prompts.append(" ".join(base))
        histories.append((other, real[int(rng.integers(len(real)))] * 4) if at % 4 == 0 else ())
    return prompts, histories


def timed(work: Callable[[], object]) -> float:
    """Seconds of the processor."""
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    main()
