"""Lines that are decoded together: each is what it is alone, whoever joins and whoever leaves."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers

from runner.builders.language._answering.continuous_batching import Decoding, Line
from runner.tasks.generation.options import GenerationOptions

SIZE = {"vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 2}
HEADS = {"num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 48, "max_position_embeddings": 64}
#: One that keeps keys and values of all tokens, one with a window, one that adds its positions, one of states.
CONFIGS = {
    "llama": lambda: transformers.LlamaConfig(**SIZE, **HEADS),
    "mistral": lambda: transformers.MistralConfig(**SIZE, **HEADS, sliding_window=6),
    "gpt2": lambda: transformers.GPT2Config(vocab_size=50, n_embd=32, n_layer=2, n_head=4, n_positions=64),
    "mamba": lambda: transformers.MambaConfig(**SIZE, state_size=8),
}
OPTIONS: list[dict[str, Any]] = [
    {"max_new_tokens": 14},
    {"max_new_tokens": 5, "temperature": 1.5, "seed": 3},
    {"max_new_tokens": 9, "temperature": 1.0, "top_k": 5},
    {"max_new_tokens": 11, "repetition_penalty": 1.3},
]
PROMPTS = [[5, 6, 7, 8, 9, 10, 11], [12], [13, 14, 15], [16, 17, 18, 19, 20], [21, 22], [23] * 12]


@pytest.fixture(scope="module", params=CONFIGS)
def model(request: pytest.FixtureRequest) -> Any:
    torch.manual_seed(0)
    made = transformers.AutoModelForCausalLM.from_config(CONFIGS[request.param]()).eval()
    with torch.no_grad():
        # Odds far apart: the last digits of a sum decide nothing.
        for parameter in made.parameters():
            if parameter.ndim == 2:
                parameter.mul_(8)
    return made


def line(at: int) -> Line:
    options = GenerationOptions(**OPTIONS[at % len(OPTIONS)], logprobs=True)
    return Line(PROMPTS[at], [options.seed, at], options, frozenset({3}))


def decoding(model: Any, **words: Any) -> Decoding:
    return Decoding(model, padding=0, longest=64, **words)


def alone(model: Any) -> list[Line]:
    lines = [line(at) for at in range(len(PROMPTS))]
    for each in lines:
        own = decoding(model)
        own.join([each])
        while own.busy:
            own.step()
    return lines


def same(found: list[Line], wanted: list[Line]) -> None:
    assert [each.made for each in found] == [each.made for each in wanted]
    for one, other in zip(found, wanted, strict=True):
        assert one.log_probs == pytest.approx(other.log_probs, abs=1e-3)


def test_lines_that_join_between_steps_are_what_they_are_alone(model):
    lines = [line(at) for at in range(len(PROMPTS))]
    running = decoding(model)
    running.join(lines[:2])
    for each in lines[2:]:
        for _ in range(2):
            running.step()
        running.join([each])
    while running.busy:
        running.step()
    same(lines, alone(model))


def test_lines_wait_for_room_in_their_order(model):
    lines = [line(at) for at in range(len(PROMPTS))]
    running, began = decoding(model, rows=2), []
    running.join(lines)
    while running.busy:
        told = running.step()
        assert len(told) <= 2
        began += [each for each in told if each not in began]
    assert began == lines
    same(lines, alone(model))


def test_a_line_that_is_given_up_leaves_the_others_as_they_are(model):
    lines = [line(at) for at in range(len(PROMPTS))]
    running = decoding(model, tokens=3 * 26)
    running.join(lines)
    running.step()
    given_up = [lines[0], lines[-1]]
    for each in given_up:
        each.done = True
    while running.busy:
        assert not {*map(id, given_up)} & {*map(id, running.step())}
    assert len(lines[0].made) == 1 and lines[-1].made == []
    same(lines[1:-1], alone(model)[1:-1])
