"""What answers are worth, as a spec says it: ``rewards``, an object of named rewards told apart by ``reward_type``."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from runner import registry
from runner.builders.language._fields.teacher_fields import Endpoint
from runner.builders.language._fields.user_code import PythonName, UserCode
from runner.contract import Section, invalid, option
from runner.contract.code_trial import CodeTrial
from runner.store.references import check_reference

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
Column = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Tag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]

#: With how many others a judge compares an answer where nothing is said, or all where they are fewer.
OPPONENTS = 2


class Rewarding(Section):
    """What every reward has."""

    weight: Annotated[float, Field(ge=-1000, le=1000)] = option(
        1.0, description="What it counts in the sum; below 0 it is a penalty."
    )

    @model_validator(mode="after")
    def _counts(self) -> Self:
        if self.weight == 0:
            raise invalid(("weight",), "void", "a reward that counts nothing: leave it out")
        return self


class LengthReward(Rewarding):
    """How long an answer is: 1 at the target, and less by its distance from it."""

    reward_type: Literal["length"] = option(description="An answer is to have a length.")
    target: int = option(ge=1, le=1_000_000, description="The length that counts 1; twice as long counts 0.")
    unit: Literal["tokens", "words", "characters"] = option("words", description="What a length is counted in.")
    shape: Literal["near", "at_most"] = option(
        "near", description="near: a shorter answer counts its share of the target; at_most: it counts 1 as well."
    )


class FormatReward(Rewarding):
    """1 for an answer that is the tags one after the other, each with something in it, and nothing else; else 0."""

    reward_type: Literal["format"] = option(description="An answer is to be written in tags.")
    tags: list[Tag] = option(
        factory=lambda: ["think", "answer"],
        min_length=1,
        max_length=16,
        description="The tags: think and answer ask for <think>...</think><answer>...</answer>.",
    )


class ReadingColumn(Rewarding):
    """One that needs what the row says."""

    column: Column = option(description="The column of the data that has what is right: a value, or a list of several.")


class Extracting(ReadingColumn):
    """One that compares an answer with what the row says."""

    pattern: Pattern | None = option(
        None,
        description="A regular expression that finds what is compared in an answer: its first group, or all of it, "
        "where it is found last; null compares the whole answer.",
    )

    @model_validator(mode="after")
    def _compiles(self) -> Self:
        if self.pattern is not None:
            _need_expression(self.pattern)
        return self


class ExactAnswer(Extracting):
    """1 for an answer that says what the row says, but for blanks; else 0."""

    reward_type: Literal["exact_answer"] = option(description="An answer is to be what the row says.")
    ignore_case: bool = option(True, description="Whether capital and small letters are the same.")


class NumericAnswer(Extracting):
    """1 for an answer whose number is the row's, else 0. The number is the last one, after #### where that is."""

    reward_type: Literal["numeric_answer"] = option(description="An answer is to end in the row's number.")
    tolerance: Annotated[float, Field(ge=0, le=1)] = option(
        1e-6, description="How far off it may be, as a share of the right one (of 1 where that is smaller)."
    )


class CodeReward(CodeTrial, ReadingColumn):
    """What share of the row's tests the code of an answer passes.

    The code is the last block between lines of ``` of an answer, or all of it. It is run in a container without a
    network and without files of yours; code that runs out of time has not passed.
    """

    reward_type: Literal["code"] = option(description="Python code of an answer is to pass the row's tests.")
    column: Column = option(
        description="The column of the data that has the tests: Python that is run after the code, a list of such, "
        'or a list of {"input": ..., "output": ...}.'
    )


class PatternReward(Rewarding):
    """1 for an answer that a regular expression finds something in, else 0."""

    reward_type: Literal["regular_expression"] = option(description="An answer is to match a regular expression.")
    pattern: Pattern = option(description="The regular expression, as Python has them.", examples=["^Yes"])
    where: Literal["anywhere", "whole"] = option("anywhere", description="whole: all of an answer has to match.")

    @model_validator(mode="after")
    def _compiles(self) -> Self:
        _need_expression(self.pattern)
        return self


class ByRewardModel(Rewarding):
    """One that a reward model has a part in."""

    model_name: str = option(
        min_length=1,
        pretrained=True,
        description="The reward model: a stored one, reward/NAME, or a folder or Hub name of a model with one score.",
        examples=["reward/reward-example"],
    )
    revision: str | None = option(
        None, min_length=1, description="The branch, tag or commit of a Hub name; null is its main branch."
    )

    def stored(self) -> str | None:
        """The stored model that it names; None for another."""
        kind, _, name = self.model_name.partition("/")
        return self.model_name if name and registry.find(kind) is not None else None

    @model_validator(mode="after")
    def _of_a_piece(self) -> Self:
        if self.stored() is not None:
            try:
                check_reference(self.model_name)
            except ValueError as error:
                raise invalid(("model_name",), "reference", str(error)) from None
            if self.revision is not None:
                raise invalid(("revision",), "void", "a stored model has versions, not revisions: TYPE/NAME/vN")
        return self


class ModelReward(ByRewardModel):
    """The score of a reward model."""

    reward_type: Literal["model"] = option(description="A reward model scores an answer.")


class PreferenceReward(ByRewardModel):
    """How often a reward model prefers an answer to the others of its group: 1 always, 0.5 at chance, 0 never.

    The answers to held-out prompts are compared with those that the model gave before it was trained.
    """

    reward_type: Literal["preference"] = option(
        description="A reward model compares an answer with the others of its group."
    )


class JudgeReward(Endpoint, Rewarding):
    """How often a judge prefers an answer to others of its group: 1 always, 0.5 at chance, 0 never.

    Every pair is judged twice, with its places swapped. Judgements are kept in the cache: none is asked for again.
    """

    reward_type: Literal["judge"] = option(
        description="A language model behind an OpenAI-compatible endpoint compares an answer with others of its group."
    )
    opponents: int = option(
        OPPONENTS,
        ge=1,
        le=255,
        description="With how many others of its group an answer is compared: the next ones, or all where they are "
        "fewer. A group of n takes 2 n opponents questions at most.",
    )


class FunctionReward(UserCode, Rewarding):
    """What a function of yours says, out of a file or of an installed package."""

    naming: ClassVar = "function"

    reward_type: Literal["function"] = option(description="A function of yours scores answers.")
    function: PythonName = option(
        "reward", description="Its name. It is called as function(prompts=..., completions=..., **columns)."
    )


class EnvironmentReward(Rewarding):
    """What the environment's partner gave for the turns of an answer, added up."""

    reward_type: Literal["environment"] = option(description="The environment's partner says what an answer is worth.")


Reward = Annotated[
    LengthReward
    | FormatReward
    | ExactAnswer
    | NumericAnswer
    | CodeReward
    | PatternReward
    | ModelReward
    | PreferenceReward
    | JudgeReward
    | FunctionReward
    | EnvironmentReward,
    Field(discriminator="reward_type"),
]


class _Named:
    """Says in the schema what the names' pattern says: that there are no others."""

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> Any:
        return handler(core) | {"additionalProperties": False}


Rewards = Annotated[dict[Name, Reward], _Named()]


def _need_expression(pattern: str) -> None:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise invalid(("pattern",), "pattern", f"is no regular expression: {error}") from None
