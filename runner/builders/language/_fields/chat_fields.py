"""How a conversation becomes tokens, and which of them are learned, as a spec says it: ``chat`` and ``loss_on``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from runner import near_names
from runner.chat.template_file import read_template
from runner.contract import Section, invalid, option
from runner.workspace import absolute

#: The formats that are built in, beside the tokenizer's own template.
FORMATS = ("chatml", "alpaca", "llama", "vicuna", "zephyr", "mistral")
Weight = Annotated[float, Field(ge=0, le=1000)]


class Chat(Section):
    """The ``chat`` object of a spec."""

    template: Annotated[str, StringConstraints(min_length=1, max_length=4096)] = option(
        "tokenizer",
        file=".jinja",
        description="tokenizer (the base model's own), a built-in format (chatml, alpaca, llama, vicuna, zephyr, "
        "mistral), or the path of a Jinja template ending in .jinja.",
    )

    @model_validator(mode="after")
    def _known(self) -> Self:
        known = ("tokenizer", *FORMATS)
        if self.template not in known and not self.template.endswith(".jinja"):
            # A name with a number is another format: Llama 3 is not written as Llama 2.
            if any(letter.isdigit() for letter in self.template):
                meant = ': a newer format comes with its model: "tokenizer".'
            else:
                near = near_names.nearest(self.template, known)
                meant = f': did you mean "{near}"?' if near else "."
            raise invalid(
                ("template",),
                "unknown_template",
                f"no chat template that is known{meant} There are {', '.join(known)}, and files that end in .jinja",
            )
        return self

    def check_template(self, cwd: Path) -> None:
        """Read a template of the user's, whose file counts from ``cwd``. Raises :class:`~runner.errors.DataError` for
        what is none."""
        if self.template.endswith(".jinja"):
            read_template(absolute(self.template, cwd), self.template)


class RoleWeights(Section):
    """What a token of each role's turns counts in the loss; 0, and a role that is not named, is not learned."""

    assistant: Weight = option(0.0, description="An assistant's turns.")
    user: Weight = option(0.0, description="A user's turns.")
    system: Weight = option(0.0, description="The system's turns.")
    tool: Weight = option(0.0, description="Answers of tools.")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not any((self.assistant, self.user, self.system, self.tool)):
            raise invalid(("assistant",), "nothing_learned", "every role has the weight 0: nothing would be learned")
        return self


LossOn = Literal["assistant", "last_assistant", "all"] | RoleWeights
