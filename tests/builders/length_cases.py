"""Comparisons whose responses are as long as the kind of prompt and the LLM together make them."""

from __future__ import annotations

import numpy as np
import pytest

from runner.contract import LoadedData
from runner.data.comparisons import TIE, Comparisons

NAMES = ("coder", "teller", "terse")
#: Words of a response, by LLM and kind of prompt: code, story. No LLM's mean tells which.
WORDS = np.array([[60, 10], [10, 60], [4, 6]])


@pytest.fixture
def lengths() -> LoadedData:
    """80 prompts of two kinds, each LLM beside each other one; a quarter of the prompts is held out."""
    rng = np.random.default_rng(0)
    size = 80
    prompts = tuple(
        f"Write python code for item {at}." if at % 2 == 0 else f"Tell a story about number {at}." for at in range(size)
    )
    prompt = np.repeat(np.arange(size), 2)
    a = np.tile([0, 1], size)
    b = np.tile([1, 2], size)
    more = rng.integers(0, 3, size=(len(NAMES), size))

    def response(llm: int, at: int) -> str:
        return " ".join(["word"] * int(WORDS[llm, at % 2] + more[llm, at]))

    whole = Comparisons(
        models=NAMES,
        prompts=prompts,
        histories=((),) * size,
        prompt=prompt.astype(np.int32),
        model_a=a.astype(np.int32),
        model_b=b.astype(np.int32),
        winner=np.full(2 * size, TIE, np.int8),
        responses_a=tuple(response(llm, at) for llm, at in zip(a, prompt, strict=True)),
        responses_b=tuple(response(llm, at) for llm, at in zip(b, prompt, strict=True)),
        tags={},
        groups=("",) * size,
    )
    held = prompt >= size * 3 // 4
    return LoadedData(whole.take(~held), whole.take(held), "0" * 64, {})
