"""Tokens per second of a running batch, beside one request after the other and loops over transformers' generate.

    python benchmarks/generation.py [--model NAME] [--tokens 16] [--rounds 2] [--threads 1] [--json]

Requests with answers of one length go through an engine of 1, 8 and 32 rows, and through loops as they are written by
hand: `generate` for one prompt after the other, and for batches of 8 and 32 that are padded. Then answers have every
length up to it, as answers have: an engine of 8 rows takes the next request when one is done, a padded batch of 8 waits
for its longest. Greedy, but where it says drawn.

The roads take turns, round by round, and a road's figure is the median of its rounds: by the clock, and by the
processor's time, which other programs on the machine disturb less. A road that answers one at a time answers a few
requests alone. Every road is told of on standard error once it is done.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
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
FEW = 2
#: Answers of every length, in batches of so many.
MIXED = 8


@dataclass(frozen=True)
class Measured:
    """A road's tokens a second, by the clock and by the processor's time, and how many times those of the two roads
    that answer one request after the other: the engine of one row, and `generate`."""

    road: str
    by_clock: float
    by_processor: float
    over_engine: tuple[float, float]
    over_generate: tuple[float, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="HuggingFaceTB/SmolLM2-135M-Instruct")
    parser.add_argument("--tokens", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=2)
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
    print("tokens a second and ratios, each by the clock and by the processor's time")
    print(f"{'':<30} {'tokens/s':>17} {'over engine, 1 row':>20} {'over generate, 1 row':>21}")
    for each in found:
        rates = f"{each.by_clock:>8.1f} {each.by_processor:>8.1f}"
        ratios = [f"{clock:.2f}x {processor:.2f}x" for clock, processor in (each.over_engine, each.over_generate)]
        print(f"{each.road:<30} {rates} {ratios[0]:>20} {ratios[1]:>21}")


def measured(work: dict[str, Callable[[], int]], rounds: int) -> Iterator[Measured]:
    """Every road by turns; each gives the number of its tokens."""
    rates: dict[str, list[tuple[float, float]]] = {road: [] for road in work}
    for number in range(rounds):
        for road, run in work.items():
            clock, processor = time.perf_counter(), time.process_time()
            made = run()
            clock, processor = time.perf_counter() - clock, time.process_time() - processor
            rates[road].append((made / clock, made / processor))
            print(f"round {number + 1}, {road}: {made} tokens, {clock:.1f} s, {processor:.1f} s", file=sys.stderr)
    middle = {road: [statistics.median(each) for each in zip(*found, strict=True)] for road, found in rates.items()}

    def over(road: str, other: str) -> tuple[float, float]:
        clock, processor = (one / two for one, two in zip(middle[road], middle[other], strict=True))
        return clock, processor

    for road, (clock, processor) in middle.items():
        yield Measured(road, clock, processor, over(road, ONE), over(road, BY_HAND))


def roads(engine: Engine, tokens: int) -> dict[str, Callable[[], int]]:
    """What is compared, by name."""
    answerer = engine.answerer
    asked = [QUESTIONS[at % len(QUESTIONS)].format(at=at) for at in range(32)]
    prompts = [prompt(answerer, text) for text in asked]
    fixed: dict[str, Any] = {"max_new_tokens": tokens, "min_new_tokens": tokens}

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
