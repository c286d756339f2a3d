"""The chat template of a training, and what is to be known of it."""

from __future__ import annotations

from typing import Any

from runner.chat.renderer import ChatRenderer
from runner.contract import FootprintContext, TrainContext


def renderer_of(base: Any, spec: Any, context: TrainContext | FootprintContext) -> ChatRenderer:
    """The renderer that ``chat.template`` asks for, with the base's tokenizer. Raises what it does, by pointer."""
    renderer = ChatRenderer.of(base.tokenizer, spec.chat.template)
    for sentence in renderer.warnings:
        context.emit("warning", message=sentence, pointer="/model/spec/chat/template")
    return renderer
