"""The ``data`` section of learning to answer from a text, from a path to two splits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from runner.contract import LoadContext, LoadedData, Table, option
from runner.data.holdout import ColumnName
from runner.data.named_files import DataPath, most_lost, most_samples
from runner.data.role_columns import RoleColumns
from runner.data.role_files import RoleFiles, column
from runner.errors import DataError


class QuestionColumns(RoleColumns):
    """The columns of a question, where they are called otherwise than usual."""

    context: ColumnName | None = column("The text that answers stand in.")
    question: ColumnName | None = column("What is asked of it.")
    answers: ColumnName | None = column(
        "The answers: {text, answer_start}, a list of such, or texts; as JSON or a Python literal too."
    )
    answer_start: ColumnName | None = column("Where an answer starts, in characters, where it is no part of answers.")
    is_impossible: ColumnName | None = column("Whether the context has no answer.")
    id: ColumnName | None = column("A name of the question, which outputs repeat.")
    title: ColumnName | None = column("What the context is from.")


class ContextQuestionsData(RoleFiles):
    """Questions on texts, and where in these the answers stand."""

    layout: ClassVar[str] = "context_questions"
    asked_rows: ClassVar[str] = "runner.data.context_questions.infer_rows"
    other_names: ClassVar[Mapping[str, str]] = {
        "text": "context", "query": "question", "answer": "answers", "target": "answers",
    }  # fmt: skip
    sample: ClassVar[Path] = Path(__file__).with_name("sample") / "questions.json"

    dataset: DataPath = option(
        description="A file, a folder or a pattern (.jsonl, .json, .csv, .tsv, .parquet, .arrow; .gz too), flat or as "
        "SQuAD nests questions, or a data set of the Hub (hub:OWNER/NAME, its split train; hub:OWNER/NAME/FILE, a "
        "pattern too), or sample (packaged).",
        examples=["sample", "data/train-v2.0.json", "hub:rajpurkar/squad_v2"],
    )
    columns: QuestionColumns | None = option(
        None, description="Columns that are called otherwise than usual: context, question, answers, ..."
    )
    max_samples: int | None = most_samples("questions")
    max_rows_lost: float = most_lost("questions")

    def load(self, context: LoadContext) -> LoadedData:
        """Read, find the answers, draw, split by contexts: lists of
        :class:`~runner.data.context_questions.question_row.QuestionRow`.

        Raises :class:`~runner.errors.DataError` where no question can be used, or more are lost than
        ``max_rows_lost`` allows.
        """
        from runner.data.context_questions.prepared import prepare

        return prepare(self, context)

    def need_learnable(self, loaded: LoadedData) -> None:
        """Raise :class:`~runner.errors.DataError` where no question of training has an answer."""
        if not any(row.answerable for row in loaded.train):
            raise DataError(
                "no question of training has an answer: there is nothing to learn",
                where="/data/dataset",
                hint="is the right column the answers? data.columns names it",
            )

    def row_keys(self, part: Any) -> set[int]:
        """The questions of a split by their content."""
        return {row.content_key() for row in part}

    def preview(self, loaded: LoadedData, rows: int) -> Table:
        from runner.data.context_questions.preview import preview

        return preview(loaded.train, rows)
