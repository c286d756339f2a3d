"""Tokens per second of a running batch, beside one request after the other and a loop over transformers' generate.

    python benchmarks/generation.py [--model HuggingFaceTB/SmolLM2-135M-Instruct] [--tokens 32] [--device cpu]

The same requests go down several roads: through an engine of 1, 8 and 32 rows, and one after the other through
`generate` of transformers, as a loop written by hand would, all with the same number of tokens; then, with answers of
every length up to it, through an engine of 8 rows and through padded batches of 8, which wait for their longest.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from typing import Any

import torch

from runner.generation import Engine, MessageCompleter

QUESTIONS = ["What is {at} + 7?", "Name {at} rivers of France, and say a word of each.", "Hi, I am number {at}."]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="HuggingFaceTB/SmolLM2-135M-Instruct")
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--requests", type=int, default=32)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    asked = [QUESTIONS[at % len(QUESTIONS)].format(at=at) for at in range(arguments.requests)]
    with tempfile.TemporaryDirectory() as root:
        rows = list(measured(arguments.model, asked, arguments.tokens, arguments.device, root))
    if arguments.json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        print(f"{row['road']:<28} {row['tokens_per_second']:>10.1f} tokens/s")


def measured(model: str, asked: list[str], tokens: int, device: str, root: str) -> Any:
    """A row for each road."""
    engine = Engine.open(model, rows=1, device=device, root=root)
    answerer = engine.answerer
    fixed = {"max_new_tokens": tokens, "min_new_tokens": tokens}

    def road(name: str, work: Callable[[], int]) -> dict[str, Any]:
        began = time.perf_counter()
        made = work()
        return {"road": name, "tokens_per_second": made / (time.perf_counter() - began)}

    def through(rows: int, **more: Any) -> Callable[[], int]:
        completer = MessageCompleter(Engine(answerer, engine.task, model, rows=rows), **fixed, **more)
        return lambda: sum(answer.completion_tokens for answer in completer.complete_all(asked))

    through(1)()
    for rows in (1, 8, 32):
        yield road(f"engine, {rows} rows", through(rows))
    yield road("engine, 32 rows, drawn", through(32, temperature=0.8, top_p=0.95))
    prompts = [prompt(answerer, text) for text in asked]
    yield road("generate, one by one", lambda: sum(generated(answerer, [ids], tokens) for ids in prompts))
    lengths = [max(1, tokens * (1 + at * 7 % 8) // 8) for at in range(len(asked))]
    wanted = sum(lengths)

    def mixed() -> int:
        completer = MessageCompleter(Engine(answerer, engine.task, model, rows=8))
        replies = [
            completer.start(text, max_new_tokens=length, min_new_tokens=length)
            for text, length in zip(asked, lengths, strict=True)
        ]
        return sum(reply.result().completion_tokens for reply in replies)

    def in_batches() -> int:
        for at in range(0, len(prompts), 8):
            generated(answerer, prompts[at : at + 8], max(lengths[at : at + 8]))
        return wanted

    yield road("engine, 8 rows, all lengths", mixed)
    yield road("generate, 8 rows, all lengths", in_batches)


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
