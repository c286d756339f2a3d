"""How a conversation becomes tokens, and which of them are learned, as a spec says it: ``chat`` and ``loss_on``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from runner.contract import Section, option

#: The formats that are built in, beside the tokenizer's own template.
FORMATS = ("chatml", "alpaca", "llama", "vicuna", "zephyr", "mistral")
Weight = Annotated[float, Field(ge=0, le=1000)]


class Chat(Section):
    """The ``chat`` object of a spec."""

    template: Annotated[str, StringConstraints(min_length=1, max_length=4096)] = option(
        "tokenizer",
        description="tokenizer (the base model's own), a built-in format (chatml, alpaca, llama, vicuna, zephyr, "
        "mistral), or the path of a Jinja template ending in .jinja.",
    )


class RoleWeights(Section):
    """What a token of each role's turns counts in the loss; 0 is not learned."""

    assistant: Weight = option(1.0, description="An assistant's turns.")
    user: Weight = option(0.0, description="A user's turns.")
    system: Weight = option(0.0, description="The system's turns.")
    tool: Weight = option(0.0, description="Answers of tools.")


LossOn = Literal["assistant", "last_assistant", "all"] | RoleWeights
