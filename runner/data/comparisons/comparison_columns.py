"""A table of comparisons under any column names: what a spec says of a user's own CSV, JSON lines or Parquet file."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from runner.contract import Section, option
from runner.data.outcomes.outcome_fields import OutcomeColumns
from runner.data.role_columns import RoleColumns

Column = Annotated[str, Field(min_length=1, max_length=256)]
Values = Annotated[list[Annotated[str, Field(max_length=256)]], Field(max_length=64)]

MEANINGS = ("model_a", "model_b", "tie", "both_bad", "skip")


def _of_a_matrix(schema: dict[str, Any]) -> None:
    """Say where the roles are named that a matrix's columns have, and a comparison's have not."""
    others = [name for name in OutcomeColumns.model_fields if name not in schema["properties"]]
    schema["x-elsewhere"] = {name: f"/data/outcomes/columns/{name}" for name in others}


class Columns(RoleColumns):
    """What the columns of a table with one comparison a row are called."""

    model_config = ConfigDict(json_schema_extra=_of_a_matrix)

    prompt: Column = option("prompt", description="The prompt's column.")
    model_a: Column = option("model_a", description="The column that names the first LLM.")
    model_b: Column = option("model_b", description="The column that names the second LLM.")
    response_a: Column = option("response_a", description="The first LLM's response.")
    response_b: Column = option("response_b", description="The second LLM's response.")
    winner: Column = option(
        "winner",
        description="Who won: model_a, model_b, tie, both_bad, or the winning LLM's own name; other words by "
        "`winner_values`.",
    )
    kind: Column | None = option(None, description="A column with the prompt's group, for reports. null: none.")


class WinnerValues(Section):
    """The words of the winner's column, where they are others than model_a, model_b, tie and both_bad."""

    model_a: Values = option(factory=list, description="What says that the first LLM won.", examples=[["A", "left"]])
    model_b: Values = option(factory=list, description="What says that the second LLM won.", examples=[["B", "right"]])
    tie: Values = option(factory=list, description="What says that both are equally good.", examples=[["draw"]])
    both_bad: Values = option(factory=list, description="What says that both are bad.", examples=[["neither"]])
    skip: Values = option(
        factory=list, description="What says that the row is not to be used.", examples=[["not judged"]]
    )

    @model_validator(mode="after")
    def _one_meaning(self) -> Self:
        seen: dict[str, str] = {}
        for name in MEANINGS:
            for word in getattr(self, name):
                if word in seen:
                    where = f"in {name} twice" if seen[word] == name else f"in {seen[word]} and in {name}"
                    raise PydanticCustomError("one_meaning", "{word} is " + where, {"word": repr(word)})
                seen[word] = name
        return self

    def by_word(self) -> dict[str, str]:
        """Word -> what it stands for."""
        return {word: name for name in MEANINGS for word in getattr(self, name)}
