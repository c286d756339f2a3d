"""Which rows are held out, to measure on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runner.spec.schema_walk import resolve
from runner.wizard.draft import Draft
from runner.wizard.field_groups import (
    present,
)
from runner.wizard.field_steps import Ask, Field, asks
from runner.wizard.prompt_interface import Choice, Question
from runner.wizard.schema_questions import description

Schema = dict[str, Any]

#: How rows are held out, by the field that says so.
WAYS = {
    "validation_split": Choice("validation_split", "a share", "rows drawn by their content"),
    "validation_data": Choice("validation_data", "another file", "with the same columns"),
    "split_column": Choice("split_column", "a column", "that says train or validation of each row"),
    "group_column": Choice("group_column", "a share, by groups", "rows with an equal value stay together"),
    "time_column": Choice("time_column", "the latest", "by a column of times"),
}


def split_questions(draft: Draft, root: Schema) -> Iterator[Ask]:
    """How rows are held out to measure on."""
    data = present(resolve(root["properties"]["data"], root))
    ways = [name for name in WAYS if name in data]
    if len(ways) > 1:
        now = next((name for name in reversed(ways) if draft.get(f"/data/{name}") is not None), "validation_split")
        by_data = draft.origin(f"/data/{now}") == "data"
        asked = Question(
            "split", "Which rows are held out, to measure on?", "choice", default=now,
            choices=[WAYS[name] for name in ways],
            help="\n".join(f"{WAYS[name].title}: {description(data[name], root)}" for name in ways),
            why="the data says so" if by_data else "a share of the rows is the default of the field",
        )  # fmt: skip

        def put(draft: Draft, answer: str) -> None:
            draft.own["split"] = answer
            for name in ways:
                beside = name == "validation_split" and answer in ("group_column", "time_column")
                if name != answer and not beside and draft.has(f"/data/{name}"):
                    draft.remove(f"/data/{name}")

        yield Ask("split", asked, put)
        chosen = draft.own.get("split", now)
    else:
        chosen = ways[0] if ways else None
    needed = [chosen]
    if chosen in ("group_column", "time_column"):
        needed.append("validation_split")
    for name in needed:
        if name in data:
            must = name == chosen and name != "validation_split"
            yield from asks(Field(f"/data/{name}", data[name], must, "split"), root, draft)
