"""Tokens per second of a running batch, beside one request after the other and loops over transformers' generate.

    python benchmarks/generation.py [--model NAME] [--tokens 24] [--rounds 3] [--threads 1] [--json]

Requests with answers of one length go through an engine of 1, 8 and 32 rows, and through loops as they are written by
hand: `generate` for one prompt after the other, and for batches of 8 and 32 that are padded. Then answers have every
length up to it, as answers have: an engine of 8 rows takes the next request when one is done, a padded batch of 8 waits
for its longest. Greedy, but where it says drawn.

The roads take turns, round by round; a road's figure is the median of its rounds, and each has so many requests that it
takes about as long as the others. About two minutes on two idle cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch

from runner.generation import Engine, MessageCompleter

QUESTIONS = ["What is {at} + 7?", "Name {at} rivers of France, and say a word of each.", "Hi, I am number {at}."]
ONE, BY_HAND = "engine, 1 row", "generate, 1 row"
#: Requests of a road that answers one at a time; its rate is that of any number.
FEW = 3
#: Answers of every length, in batches of so many.
MIXED = 8


@dataclass(frozen=True)
class Measured:
    """A road's tokens a second, and how many times those of the two that answer one request after the other."""

    road: str
    tokens_per_second: float
    over_engine_one_at_a_time: float
    over_generate_one_at_a_time: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="HuggingFaceTB/SmolLM2-135M-Instruct")
    parser.add_argument("--tokens", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as root:
        engine = Engine.open(arguments.model, device=arguments.device, root=root)
    found = list(measured(roads(engine, arguments.tokens), arguments.rounds))
    if arguments.json:
        print(json.dumps([asdict(each) for each in found], indent=1))
        return
    print(f"{'':<28} {'tokens/s':>9} {'over engine, 1 row':>19} {'over generate, 1 row':>21}")
    for each in found:
        over = f"{each.over_engine_one_at_a_time:>18.2f}x {each.over_generate_one_at_a_time:>20.2f}x"
        print(f"{each.road:<28} {each.tokens_per_second:>9.1f} {over}")


def measured(work: dict[str, Callable[[], int]], rounds: int) -> Iterator[Measured]:
    """Every road by turns; each gives the number of its tokens."""
    rates: dict[str, list[float]] = {road: [] for road in work}
    for _ in range(rounds):
        for road, run in work.items():
            began = time.perf_counter()
            made = run()
            rates[road].append(made / (time.perf_counter() - began))
    middle = {road: statistics.median(each) for road, each in rates.items()}
    for road, rate in middle.items():
        yield Measured(road, rate, rate / middle[ONE], rate / middle[BY_HAND])


def roads(engine: Engine, tokens: int) -> dict[str, Callable[[], int]]:
    """What is compared, by name."""
    answerer = engine.answerer
    asked = [QUESTIONS[at % len(QUESTIONS)].format(at=at) for at in range(32)]
    prompts = [prompt(answerer, text) for text in asked]
    fixed = {"max_new_tokens": tokens, "min_new_tokens": tokens}

    def through(rows: int, count: int, **more: Any) -> Callable[[], int]:
        completer = MessageCompleter(Engine(answerer, engine.task, engine.model, rows=rows), **fixed, **more)
        return lambda: sum(answer.completion_tokens for answer in completer.complete_all(asked[:count]))

    def by_hand(rows: int, count: int) -> Callable[[], int]:
        batches = [prompts[at : at + rows] for at in range(0, count, rows)]
        return lambda: sum(generated(answerer, batch, tokens) for batch in batches)

    lengths = [max(1, tokens * (1 + at * 7 % MIXED) // MIXED) for at in range(2 * MIXED)]

    def joining() -> int:
        completer = MessageCompleter(Engine(answerer, engine.task, engine.model, rows=MIXED))
        replies = [
            completer.start(text, max_new_tokens=length, min_new_tokens=length)
            for text, length in zip(asked, lengths, strict=False)
        ]
        return sum(reply.result().completion_tokens for reply in replies)

    def waiting() -> int:
        for at in range(0, len(lengths), MIXED):
            generated(answerer, prompts[at : at + MIXED], max(lengths[at : at + MIXED]))
        # What is behind the end of an answer is thrown away.
        return sum(lengths)

    through(1, 1)()
    return {
        ONE: through(1, FEW),
        "engine, 8 rows": through(8, 8),
        "engine, 32 rows": through(32, 32),
        "engine, 32 rows, drawn": through(32, 32, temperature=0.8, top_p=0.95),
        BY_HAND: by_hand(1, FEW),
        "generate, 8 rows": by_hand(8, 8),
        "generate, 32 rows": by_hand(32, 32),
        f"engine, {MIXED} rows, all lengths": joining,
        f"generate, {MIXED} rows, all lengths": waiting,
    }


def prompt(answerer: Any, text: str) -> list[int]:
    ids: list[int] = answerer.tokenizer.apply_chat_template(
        [{"role": "user", "content": text}], add_generation_prompt=True, return_dict=False
    )
    return ids


def generated(answerer: Any, prompts: list[list[int]], tokens: int) -> int:
    """What a program without an engine does: pad, and wait for all."""
    width, padding = max(map(len, prompts)), answerer.padding
    ids = torch.tensor([[padding] * (width - len(row)) + row for row in prompts], device=answerer.model.device)
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in prompts], device=ids.device)
    with torch.inference_mode():
        out = answerer.model.generate(
            input_ids=ids, attention_mask=mask, do_sample=False, max_new_tokens=tokens, min_new_tokens=tokens,
            pad_token_id=padding,
        )  # fmt: skip
    return int(out[:, width:].numel())


if __name__ == "__main__":
    main()
