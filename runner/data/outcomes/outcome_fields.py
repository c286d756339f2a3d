"""What a spec says of an outcome matrix: its form, its columns, and how comparisons are drawn from it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from runner.contract import Section, option
from runner.data.role_columns import RoleColumns

Column = Annotated[str, Field(min_length=1, max_length=256)]
FORMATS = (
    "auto", "routerbench", "llmrouterbench", "notdiamond", "vllm_sr", "embedllm", "routereval", "routellm", "long",
    "wide",
)  # fmt: skip


class OutcomeColumns(RoleColumns):
    """What the columns are called, where they are called otherwise than the format has them."""

    prompt: Column | None = option(None, description="The prompt: a text, or the list of the user's turns.")
    group: Column | None = option(None, description="The prompt's category or benchmark, for reports.")
    model: Column | None = option(None, description="Of a long form: the column that names the LLM.")
    score: Column | None = option(None, description="Of a long form: what the answer was worth.")
    cost: Column | None = option(None, description="Of a long form: what the call cost.")
    prompt_tokens: Column | None = option(None, description="Of a long form: tokens of the prompt.")
    completion_tokens: Column | None = option(None, description="Of a long form: tokens of the answer.")
    latency: Column | None = option(None, description="Of a long form: how long the answer took.")
    response: Column | None = option(None, description="Of a long form: the answer.")
    models: Annotated[list[Column], Field(min_length=2, max_length=10_000)] | None = option(
        None,
        description="Of a wide form or RouteLLM's: the columns that hold scores, each named after its LLM. Without it "
        "they are those that end in `/score`, or that say True or False.",
    )


class Outcomes(Section):
    """An outcome matrix: a score for each prompt and LLM. Only with a path."""

    format: Literal[
        "auto", "routerbench", "llmrouterbench", "notdiamond", "vllm_sr", "embedllm", "routereval", "routellm", "long",
        "wide",
    ] = option(
        "auto",
        description="The form of the file. auto tells it by the columns, and says which it is; long has a row for each "
        "prompt and LLM, wide a row for each prompt.",
    )  # fmt: skip
    columns: OutcomeColumns | None = option(None, description="What the columns are called. null: as the format says.")
    pairs_per_prompt: Annotated[int, Field(ge=1, le=1_000_000)] | Literal["all"] = option(
        10,
        description="How many pairs of LLMs are compared on each prompt, drawn by its content and the seed; all takes "
        "every pair, which grows with the square of the LLMs.",
    )
    min_difference: float = option(0.0, ge=0, description="Scores nearer than this are a tie; equal ones always are.")
    bad_score: float | None = option(
        0.0,
        description="A tie of two scores that are no greater than this is both_bad. null: every tie is a tie.",
    )
    score_range: Annotated[list[float], Field(min_length=2, max_length=2)] | None = option(
        None,
        description="The least and the greatest score that there may be: one beyond is not used, and counted. null: "
        "every number.",
        examples=[[0, 1]],
    )
    duplicates: Literal["mean", "first", "refuse"] = option(
        "mean",
        description="What becomes of a prompt that an LLM has several scores for: their mean, the first, or an error.",
    )

    @model_validator(mode="after")
    def _range_in_order(self) -> Self:
        if self.score_range is not None and self.score_range[0] >= self.score_range[1]:
            raise PydanticCustomError("range_order", "score_range is the least score, then a greater one")
        return self
