"""Rows as a person reads them, and which family a template is of."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from runner.chat.formats import FORMATS
from runner.chat.mask_display import Piece, marked, pieces
from runner.chat.messages import Conversation, Message
from runner.chat.renderer import ChatRenderer
from runner.chat.template_family import detect
from tests.chat.tiny_tokenizers import tiny_tokenizer


def test_a_row_is_its_text_in_pieces_of_one_weight() -> None:
    chat = ChatRenderer.of(tiny_tokenizer(("<|im_start|>", "<|im_end|>")), "chatml")
    row = chat.trained(Conversation((Message("user", "Hello 🙂"), Message("assistant", "Ünï\nYes", weight=0.5))))
    shown = pieces(chat.tokenizer, row.ids, row.weights)
    assert shown == [
        Piece("<|im_start|>user\nHello 🙂<|im_end|>\n<|im_start|>assistant\n", 0.0),
        Piece("Ünï\nYes<|im_end|>", 0.5),
    ]
    assert marked(shown, colour=False).endswith("assistant\n⟦0.5: Ünï\nYes<|im_end|>⟧")
    coloured = marked(shown, colour=True)
    assert coloured.endswith("\x1b[32mÜnï\x1b[0m\n\x1b[32mYes<|im_end|>\x1b[0m")


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_known_by_its_marks(name: str) -> None:
    assert detect(ChatRenderer.of(tiny_tokenizer(()), name).template.source) == name


def test_a_tokenizer_is_of_its_templates_family() -> None:
    assert detect(tiny_tokenizer(())) is None
    assert detect(tiny_tokenizer((), template="{{ '<|im_start|>' }}")) == "chatml"
    assert detect("{{ messages }}") is None


@pytest.mark.skipif(find_spec("trl") is None, reason="trl with its chat templates is not installed")
@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("qwen2_5", "chatml"),
        ("qwen3", "chatml"),
        ("llama3", "llama3"),
        ("llama3_2", "llama3"),
        ("gemma3", "gemma"),
        ("gemma4", "gemma4"),
        ("deepseekv3", "deepseek"),
        ("gptoss", "gpt-oss"),
        ("cohere", "cohere"),
        ("glm4moe", "glm"),
        ("phi3", "phi"),
        ("lfm2", "chatml"),
    ],
)
def test_public_templates_are_of_their_family(name: str, family: str) -> None:
    trl = find_spec("trl")
    assert trl is not None
    assert trl.origin is not None
    assert detect((Path(trl.origin).parent / "chat_templates" / f"{name}.jinja").read_text()) == family
