"""A model with a few layers of another learns more with the whole one as its teacher than alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.chat.messages import Conversation, Message
from runner.data.dialogues.row_types import ConversationRow
from tests.builders.language.conftest import cut

#: What the held-out loss is lower by, nats a token: stated before it was measured.
MARGIN = 0.1
LAYERS, EVERY_LAYER = (0, 1, 28, 29), range(30)
#: Of 49,152 tokens: their odds cost more than many layers do.
TOKENS = 8000


def talks(data: Path) -> list[ConversationRow]:
    found = []
    for line, text in enumerate((data / "vicuna_blog_chat.jsonl").read_text("utf-8").splitlines(), 1):
        turns = json.loads(text)["messages"]
        if [turn["role"] for turn in turns] == ["user", "assistant"]:
            messages = tuple(Message(turn["role"], turn["content"]) for turn in turns)
            found.append(ConversationRow(line, Conversation(messages)))
    return found


@pytest.mark.slow
def test_a_cut_model_that_is_taught_beats_the_same_one_alone(trained, smollm, shared_data, tmp_path):
    words = {
        "rows": talks(shared_data)[:96],
        "held": 24,
        "context": {"epochs": 1, "batch_size": 2},
        "base_model_name": str(cut(smollm, tmp_path / "cut", LAYERS, TOKENS)),
        "max_length": 64,
        "optimizer": {"optimizer_type": "adamw", "learning_rate": 0.0005},
        "keep": "last",
    }
    teacher = cut(smollm, tmp_path / "teacher", EVERY_LAYER, TOKENS)
    alone, _ = trained("sft", "alone", **words)
    taught, _ = trained(
        "distillation", "taught", **words, temperature=1.0, alpha=0.9,
        teacher={"teacher_type": "model", "model_name": str(teacher)},
    )  # fmt: skip
    # Of the others nothing is left to learn from within the length.
    assert taught.metrics["n_validation"] == alone.metrics["n_validation"] == 18
    assert taught.metrics["loss"] < alone.metrics["loss"] - MARGIN
