"""What answers a model's turns in training, as a spec says it: tools that it calls, a partner that speaks to it."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import model_validator

from runner.builders.language._fields.user_code import PythonName, UserCode
from runner.contract import Section, invalid, option


class Tools(UserCode):
    """Functions of yours that the model may call."""

    naming: ClassVar = "functions"

    functions: list[PythonName] = option(
        min_length=1,
        max_length=64,
        description="Their names. The chat template describes each by its signature and its docstring, whose Args are "
        "in Google's style.",
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.functions)) < len(self.functions):
            raise invalid(("functions",), "twice", "a function is there twice")
        return self


class Partner(UserCode):
    """A class of yours that answers the model's turns, and says what they are worth."""

    naming: ClassVar = "class_name"

    class_name: PythonName = option(
        "Environment",
        description="Its name. One is made for every answer, class_name(prompt=..., **columns), and its step(message) "
        "gives the next turn, or a reward and the end.",
    )


class EnvironmentFields(Section):
    """An answer becomes several turns: of the model, which are learned, and of its environment, which are not."""

    tools: Tools | None = option(None, description="Functions that the model may call, and whose results it is told.")
    partner: Partner | None = option(
        None, description="A class that answers what calls no tool; null ends an answer with such a turn."
    )
    max_turns: int = option(
        4, ge=2, le=256, description="Turns of the model in an answer, at most. Each has up to max_new_tokens."
    )

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if self.tools is None and self.partner is None:
            raise invalid(("partner",), "needed", "an environment has tools, a partner that answers, or both")
        return self
