"""Tokens per second of `transformer_embedding`'s training: over a bare PyTorch loop, and by length over at random.

    python benchmarks/transformer_training.py [--rows 256] [--rounds 5] [--threads 1] [--method lora]

The bare loop has the same model, adapters, batches and optimizer, its batches are tensors before the clock starts, and
it does nothing but forward, loss, backward, clip and step. Runner's side is `fit`, as a training calls it: drawing and
padding batches, the stop signal, the loss, checkpoints and the best epoch included. The sides take turns, round by
round, and the ratio is the median over rounds, by the clock and by the processor's time (which other programs on the
machine disturb less).
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter

from runner.builders.routing._neural.interaction import Interaction
from runner.builders.routing._neural.rank_losses import epoch_rows
from runner.builders.routing._neural.transformer_training import PromptPairs, TransformerScorer, ranking_task
from runner.contract import LoadedData, TrainContext
from runner.data.comparisons import A, Comparisons
from runner.runs.checkpoints import RunCheckpoints
from runner.training.finetuning_specs import FinetuningSpec
from runner.training.loop import fit
from runner.training.optimizers import AdamW, make
from runner.training.pretrained import resolve
from runner.training.text_encoder import TrainableEncoder
from runner.training.trainee import Trainee

MAX_LENGTH, BATCH, MODELS, SEED = 128, 32, 20, 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--method", default="lora")
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    split = comparisons(arguments.rows)
    sides: dict[str, Callable[[], int]] = {
        "runner": runner(split, arguments.method, arguments.device),
        "bare": bare(split, arguments.method, arguments.device),
        "random": runner(split, arguments.method, arguments.device, grouped=False),
    }
    for side in sides.values():
        side()  # the first pass pays for what is made once
    wall: dict[str, list[float]] = {name: [] for name in sides}
    processor: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(arguments.rounds):
        names = list(sides) if number % 2 == 0 else list(sides)[::-1]
        for name in names:
            started, used = time.perf_counter(), time.process_time()
            tokens = sides[name]()
            processor[name].append(tokens / (time.process_time() - used))
            wall[name].append(tokens / (time.perf_counter() - started))
    print(f"{arguments.rows} comparisons, batches of {BATCH}, up to {MAX_LENGTH} tokens, {arguments.method}, ", end="")
    print(f"{arguments.threads} thread(s) on {arguments.device}; tokens are those of prompts, padding not counted")
    for name, label in (("runner", "runner, by length"), ("bare", "bare loop"), ("random", "runner, at random")):
        print(f"{label:18} {statistics.median(wall[name]):8.0f} tokens/s")
    for label, over in (("over the bare loop", "bare"), ("by length over at random", "random")):
        by_clock = ratios(wall["runner"], wall[over])
        by_processor = ratios(processor["runner"], processor[over])
        print(f"{label}: {by_processor} by processor time, {by_clock} by the clock")


def ratios(ours: list[float], theirs: list[float]) -> str:
    """Median and range of the rounds' ratios."""
    values = sorted(one / other for one, other in zip(ours, theirs, strict=True))
    return f"{statistics.median(values):.3f} [{values[0]:.3f}, {values[-1]:.3f}]"


def comparisons(rows: int) -> Comparisons:
    """Decided comparisons on prompts whose lengths are as skewed as people's: log-normal, 30 words in the middle."""
    rng = np.random.default_rng(SEED)
    words = ["the", "of", "what", "how", "write", "code", "list", "explain", "number", "story", "please", "function"]
    lengths = np.clip(rng.lognormal(np.log(30), 1.0, rows), 2, 400).astype(int)
    prompts = tuple(" ".join(rng.choice(words, size)) for size in lengths)
    first = rng.integers(MODELS, size=rows)
    return Comparisons(
        models=tuple(f"llm-{number}" for number in range(MODELS)),
        prompts=prompts,
        histories=((),) * rows,
        prompt=np.arange(rows, dtype=np.int32),
        model_a=first.astype(np.int32),
        model_b=((first + rng.integers(1, MODELS, rows)) % MODELS).astype(np.int32),
        winner=np.full(rows, A, np.int8),
        responses_a=("",) * rows,
        responses_b=("",) * rows,
        tags={},
        groups=("",) * rows,
    )


def model(split: Comparisons, method: str, device: str) -> tuple[PromptPairs, np.ndarray, np.ndarray]:
    """The router's module with random LLM vectors and features: what they hold costs the same."""
    torch.manual_seed(SEED)
    spec: Any = TypeAdapter(FinetuningSpec).validate_python({"method": method})
    encoder = TrainableEncoder.load(resolve("all-MiniLM-L6-v2"), spec, device, MAX_LENGTH)
    rng = np.random.default_rng(SEED)
    features = rng.normal(size=(len(split), 45)).astype(np.float32)
    vectors = rng.normal(size=(MODELS, 128)).astype(np.float32)
    network = Interaction((encoder.width, 45, 128), hidden=[256, 128], dropout=0.2, bounded=True)
    module = TransformerScorer(encoder, network).to(device)
    return PromptPairs(module, encoder.tokenize(split.prompts), features, vectors, device), features, vectors


def prepare(
    split: Comparisons, method: str, device: str, folder: Path
) -> tuple[Trainee, TrainContext, PromptPairs, Any]:
    pairs, features, vectors = model(split, method, device)
    context = TrainContext(
        data=LoadedData(split, split.take(np.zeros(0, np.int64)), "0", {}), epochs=1, batch_size=BATCH, seed=SEED,
        device=device, print_every=1, emit=lambda *_, **__: None,
        checkpoints=RunCheckpoints(folder, lambda *_, **__: None), stop_requested=lambda: False, artifact=folder,
        start_from=None, cache=folder,
    )  # fmt: skip
    optimizer = make(AdamW(optimizer_type="adamw", learning_rate=1e-5), pairs.module.named_parameters())
    task = ranking_task(context, pairs, optimizer, np.arange(len(split)), loss="margin_ranking", balanced=False)
    return task, context, pairs, (features, vectors)


def runner(split: Comparisons, method: str, device: str, grouped: bool = True) -> Callable[[], int]:
    """One epoch through ``fit``, with checkpoints in a folder of its own."""
    task, context, pairs, _ = prepare(split, method, device, Path(tempfile.gettempdir()))
    if not grouped:
        task.order = epoch_rows(split, np.arange(len(split)), balanced=False)
    tokens = int(pairs.tokens.lengths.sum())

    def epoch() -> int:
        with tempfile.TemporaryDirectory() as folder:
            fit(task, replace(context, checkpoints=RunCheckpoints(Path(folder), lambda *_, **__: None)))
        return tokens

    return epoch


def bare(split: Comparisons, method: str, device: str) -> Callable[[], int]:
    """One epoch of the same batches, made before the clock starts."""
    task, _, pairs, (features, vectors) = prepare(split, method, device, Path(tempfile.gettempdir()))
    encoder, network = pairs.module.encoder, pairs.module.interaction
    llms = torch.from_numpy(vectors).to(device)
    rows = task.order(np.random.default_rng([SEED, 1]))
    batches = []
    for at in range(0, len(rows), BATCH):
        some = rows[at : at + BATCH]
        ids, mask = encoder.batch(pairs.tokens, some)
        known = torch.from_numpy(features[some]).to(device)
        sides = [
            torch.from_numpy(column[some].astype(np.int64)).to(device) for column in (split.model_a, split.model_b)
        ]
        batches.append((ids, mask, known, torch.cat(sides)))
    parameters = [parameter for parameter in pairs.module.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, 1e-5)
    tokens = int(pairs.tokens.lengths.sum())

    def epoch() -> int:
        pairs.module.train()
        for ids, mask, known, both in batches:
            hidden = encoder.model(input_ids=ids, attention_mask=mask).last_hidden_state
            weights = mask.unsqueeze(-1).to(hidden.dtype)
            vector = torch.nn.functional.normalize((hidden * weights).sum(1) / weights.sum(1), dim=1)
            asked = network.prompt_side(vector, known)
            scores = network.pairs(torch.cat([asked, asked]), network.llm_side(llms[both]))
            loss = torch.relu(0.1 - (scores[: len(ids)] - scores[len(ids) :])).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        return tokens

    return epoch


if __name__ == "__main__":
    main()
