"""A service on the tiny model, and rows to train on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import runner.tinker as tinker

BASE = "runner/tiny-llama"
ADAM = tinker.AdamParams(learning_rate=0.01, eps=1e-8)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def service(home: Path) -> Iterator[tinker.ServiceClient]:
    """Nothing of it is stored at the end."""
    made = tinker.ServiceClient(root=home)
    yield made
    made.close("interrupted")


@pytest.fixture
def client(service: tinker.ServiceClient) -> Callable[..., tinker.TrainingClient]:
    """A new one: ``client(seed=1)``."""

    def make(**words: Any) -> tinker.TrainingClient:
        return service.create_lora_training_client(BASE, **({"rank": 4, "seed": 1} | words))

    return make


def datum(text: str, **inputs: Any) -> tinker.Datum:
    """A text, a byte a token, with what is learned of it; by default its second half."""
    tokens = list(text.encode())
    weights = [float(at >= len(tokens) // 2) for at in range(1, len(tokens))]
    return tinker.Datum(
        model_input=tinker.ModelInput.from_ints(tokens[:-1]),
        loss_fn_inputs={"target_tokens": tokens[1:]} | (inputs or {"weights": weights}),
    )


def rows(count: int = 3) -> list[tinker.Datum]:
    """Of different lengths."""
    return [datum(f"What is {at} plus {at}? It is {2 * at}" + "." * (at % 3)) for at in range(1, count + 1)]


def log_probs(output: Any) -> list[list[float]]:
    """Of every row's targets."""
    return [each["logprobs"].tolist() for each in output.loss_fn_outputs]
