"""Which family's markup a chat template writes, told by its marks."""

from __future__ import annotations

from typing import Any

#: Marks that tell a family, in the order that they are looked for: the more telling first.
FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("gpt-oss", ("<|channel|>", "<|start|>")),
    ("llama3", ("<|start_header_id|>",)),
    ("gemma", ("<start_of_turn>",)),
    ("gemma4", ("<|turn>",)),
    ("cohere", ("<|START_OF_TURN_TOKEN|>",)),
    ("deepseek", ("<｜Assistant｜>",)),
    ("glm", ("[gMASK]",)),
    ("chatml", ("<|im_start|>",)),
    ("phi", ("<|end|>", "<|assistant|>")),
    ("phi", ("<|end|>", "'<|' + message")),
    ("zephyr", ("<|user|>", "eos_token")),
    ("zephyr", ("'<|' + message", "eos_token")),
    ("llama", ("<<SYS>>", "[INST]")),
    ("mistral", ("[INST]",)),
    ("alpaca", ("### Instruction:",)),
    ("vicuna", ("USER:", "ASSISTANT:")),
)


def detect(template: Any) -> str | None:
    """The family of a template's text, or of a tokenizer's own template; None where no family's marks are in it."""
    source = template if isinstance(template, str) else template.chat_template
    if isinstance(source, dict):
        source = source.get("default")
    if not source:
        return None
    return next((name for name, marks in FAMILIES if all(mark in source for mark in marks)), None)
