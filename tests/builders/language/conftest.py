"""A tiny language model, a few rows of each layout, and a way to train on them in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from runner import registry
from runner.chat.messages import Conversation, Message
from runner.contract import LoadedData, TrainResult
from runner.data.dialogues.row_types import ConversationRow, LabelledRow, PreferenceRow, PromptRow, TextRow
from runner.training import made_models

QUESTIONS = [f"What is {number} plus {number + 1}?" for number in range(1, 13)]


def turns(*texts: str) -> tuple[Message, ...]:
    """Turns of a user and an assistant, one after the other."""
    return tuple(Message("user" if at % 2 == 0 else "assistant", text) for at, text in enumerate(texts))


def conversations() -> list[ConversationRow]:
    return [
        ConversationRow(at + 1, Conversation(turns(question, f"It is {2 * at + 3}.")))
        for at, question in enumerate(QUESTIONS)
    ]


def texts() -> list[TextRow]:
    return [TextRow(at + 1, f"{question} It is {2 * at + 3}.") for at, question in enumerate(QUESTIONS)]


def preferences() -> list[PreferenceRow]:
    return [
        PreferenceRow(
            at + 1,
            Conversation(turns(question)),
            (Message("assistant", f"It is {2 * at + 3}."),),
            (Message("assistant", "no idea " + "!" * (at % 3 + 1)),),
        )
        for at, question in enumerate(QUESTIONS)
    ]


def labelled() -> list[LabelledRow]:
    return [
        LabelledRow(row.line, row.prompt, answer, wanted)
        for row in preferences()
        for answer, wanted in ((row.chosen, True), (row.rejected, False))
    ]


def prompts() -> list[PromptRow]:
    """Every second one is longer."""
    return [
        PromptRow(at + 1, Conversation(turns(question + " Please." * (at % 2))), {"answer": 2 * at + 3})
        for at, question in enumerate(QUESTIONS)
    ]


#: Kinds that learn from rewards, and what they have beside the usual: answers are few tokens, so that tests are quick.
#: Of what the tiny model draws, about half begins with a letter or sign of ASCII.
REINFORCED = ("grpo", "ppo", "online_dpo")
REWARDED = {
    "max_new_tokens": 4,
    "rewards": {"plain": {"reward_type": "regular_expression", "pattern": "^[\\x00-\\x7f]"}},
}

ROWS: dict[str, Callable[[], list[Any]]] = {
    "causal_lm": texts,
    "sft": conversations,
    "distillation": conversations,
    "dpo": preferences,
    "orpo": preferences,
    "reward": preferences,
    "kto": labelled,
    "grpo": prompts,
    "ppo": prompts,
    "online_dpo": prompts,
}


def loaded(rows: Sequence[Any], held: int = 3) -> LoadedData:
    """The last rows held out."""
    return LoadedData(list(rows[: len(rows) - held]), list(rows[len(rows) - held :]), "0" * 64, {})


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model's folder."""
    folder = made_models.made(made_models.TINY, tmp_path_factory.mktemp("base"))
    assert folder is not None
    return folder


@pytest.fixture(scope="session")
def smollm(shared_cache: Path) -> Path:
    """The folder of a model that was trained on real text. It takes half a minute to make, once for all processes."""
    folder = made_models.made("HuggingFaceTB/SmolLM2-135M-Instruct", shared_cache)
    assert folder is not None
    return folder


def cut(model: Path, folder: Path, layers: Sequence[int], tokens: int | None = None) -> Path:
    """The model with some of its layers alone, and with its first ``tokens``: what is rare is spelled by those."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    whole = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    whole.model.layers = torch.nn.ModuleList(whole.model.layers[at] for at in layers)
    for at, layer in enumerate(whole.model.layers):
        layer.self_attn.layer_idx = at
    whole.config.num_hidden_layers = len(layers)
    if getattr(whole.config, "layer_types", None):
        whole.config.layer_types = whole.config.layer_types[: len(layers)]
    if tokens is not None:
        whole.resize_token_embeddings(tokens)
    whole.save_pretrained(folder)
    AutoTokenizer.from_pretrained(model).save_pretrained(folder)
    if tokens is not None:
        shorten(folder / "tokenizer.json", tokens)
    return folder


def shorten(file: Path, tokens: int) -> None:
    """Take the later tokens out of a tokenizer's file, and the merges that make them."""
    document = json.loads(file.read_text())
    model = document["model"]
    model["vocab"] = {token: number for token, number in model["vocab"].items() if number < tokens}
    model["merges"] = [pair for pair in model["merges"] if "".join(pair) in model["vocab"]]
    file.write_text(json.dumps(document))


@pytest.fixture
def spec(base: Path) -> Callable[..., Any]:
    """A kind's spec: ``spec("sft", max_length=64)``. The learning rate stays as it is, so that few steps show."""

    def make(kind: str, **fields: Any) -> Any:
        document = {
            "model_type": kind,
            "base_model_name": str(base),
            "max_length": 128,
            "schedule": None,
            "optimizer": {"optimizer_type": "adamw", "learning_rate": 0.003},
        }
        if kind == "distillation":
            document["teacher"] = {"teacher_type": "model", "model_name": str(base)}
        if kind in REINFORCED:
            document |= REWARDED | ({"group_size": 3} if kind == "grpo" else {})
        document |= fields
        return registry.load(kind).Spec.model_validate_json(json.dumps(document))

    return make


@pytest.fixture
def trained(spec: Callable[..., Any], context_for: Any) -> Callable[..., tuple[TrainResult, Any]]:
    """Train a kind: ``trained("sft", "a", max_length=64)`` gives result and context."""

    def train(
        kind: str,
        name: str = "run",
        rows: Sequence[Any] | None = None,
        *,
        held: int = 3,
        context: dict[str, Any] | None = None,
        **fields: Any,
    ) -> tuple[TrainResult, Any]:
        data = loaded(ROWS[kind]() if rows is None else rows, held)
        made = context_for(data, name, **({"epochs": 2, "batch_size": 4} | (context or {})))
        return registry.load(kind).train(spec(kind, **fields), made), made

    return train


def weights(folder: Path) -> dict[str, Any]:
    """The tensors of a stored model."""
    from safetensors.torch import load_file

    return {name: tensor for file in sorted(folder.glob("*.safetensors")) for name, tensor in load_file(file).items()}


def steps(context: Any) -> list[dict[str, Any]]:
    """Every measurement of a training."""
    return [event for event in context.emit if event["event"] in ("epoch", "step")]


class Asked:
    """A stop that is asked for at its n-th question."""

    def __init__(self, at: int | None = None) -> None:
        self.count, self._at = 0, at

    def __call__(self) -> bool:
        self.count += 1
        return self._at is not None and self.count >= self._at
