"""The ``data`` section of learning from pairs of texts, from a path to two splits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from runner.contract import LoadContext, LoadedData, invalid, option
from runner.data.dialogues.section import DialogueData
from runner.data.holdout import ColumnName
from runner.data.role_columns import RoleColumns
from runner.data.role_files import column

PairForm = Literal["pair", "pair_class", "pair_score", "triplet"]
#: Words for a role that other programs use, as ``runner data check --columns`` takes them.
ROLES = {
    "sentence1": "anchor", "premise": "anchor", "query": "anchor", "question": "anchor", "text1": "anchor",
    "sentence2": "positive", "hypothesis": "positive", "document": "positive", "answer": "positive",
    "answers": "positive", "passage": "positive", "context": "positive", "text2": "positive",
    "sentence3": "negative", "labels": "label",
}  # fmt: skip


class PairColumns(RoleColumns):
    """The columns of a pair, where they are called otherwise than usual. Every other column is no text of it."""

    anchor: ColumnName | None = column("The first text: a question, a query, a sentence, a premise.")
    positive: ColumnName | None = column(
        "The text that belongs to it, or is compared with it: an answer, a passage, a second sentence, a hypothesis; "
        "or a list of several."
    )
    negative: ColumnName | None = column("A text that does not belong to the anchor, or a list of several.")
    score: ColumnName | None = column("How alike the two are, as a number.")
    label: ColumnName | None = column("What the two are to each other: one of several classes.")


class TextPairsData(DialogueData):
    """Pairs of texts; with a score, with a class, with texts that do not belong to the first, or with nothing."""

    layout: ClassVar[str] = "text_pairs"
    made_by: ClassVar[str] = "runner.data.text_pairs.pair_rows"
    asked_rows: ClassVar[str] = "runner.data.text_pairs.asked_texts"
    other_names: ClassVar[Mapping[str, str]] = ROLES

    columns: PairColumns | None = option(
        None, description="Columns that are called otherwise than usual: anchor, positive, negative, score, label."
    )
    form: PairForm | None = option(
        None,
        description="What the rows are: pair, triplet (with negatives), pair_score, pair_class. null: what their "
        "columns make them.",
    )
    score_range: Annotated[list[float], Field(min_length=2, max_length=2)] | None = option(
        None,
        description="The least and the greatest score that there can be, which become 0 and 1. null: scores of 0 to 1 "
        "and of -1 to 1 stay what they are, others are of 0 to 5, 0 to 10 or 0 to 100.",
        examples=[[0, 5]],
    )

    @model_validator(mode="after")
    def _range_has_room(self) -> Self:
        if self.score_range is not None and not self.score_range[0] < self.score_range[1]:
            raise invalid(("score_range",), "range", "begins with the lesser of two numbers")
        return self

    @property
    def wanted_form(self) -> PairForm | None:
        """The form that the spec says, where it says one."""
        return self.form

    def without_effect(self) -> dict[str, str]:
        found = super().without_effect()
        if self.form not in (None, "pair_score"):
            found["score_range"] = f"rows of the form {self.form} have no score"
        return found

    def load(self, context: LoadContext) -> LoadedData:
        """See :meth:`DialogueData.load`; scores are in their range, and all rows are of one form.

        Raises :class:`DataError` for rows of several forms, and for scores whose range is not known.
        """
        from runner.data.text_pairs.prepared_pairs import finish

        return finish(self, super().load(context), context)

    def need_learnable(self, loaded: LoadedData) -> None:
        """Raise :class:`DataError` where all scores or all classes are one, or there is one pair only."""
        from runner.data.text_pairs.prepared_pairs import need_differences

        need_differences(loaded.train)
