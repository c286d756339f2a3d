"""The ``data`` section of learning to answer from a text, from a path to two splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import StringConstraints

from runner.contract import LoadContext, LoadedData, Table, option
from runner.data.holdout import ColumnName
from runner.data.named_files import NamedFiles
from runner.data.role_columns import RoleColumns

Path_ = Annotated[str, StringConstraints(min_length=1, max_length=4096, pattern=r"^[^\u0000-\u001f]+$")]
#: The questions that come with the program.
SAMPLE = "sample"
#: Other words for a role, as ``runner data check --columns`` takes them.
OTHER_WORDS = {"text": "context", "query": "question", "answer": "answers", "target": "answers"}


def column(meaning: str) -> Any:
    """The column of a role, found by its usual names unless it is said."""
    return option(None, description=meaning)


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


class ContextQuestionsData(NamedFiles):
    """Questions on texts, and where in these the answers stand."""

    layout: ClassVar[str] = "context_questions"
    asked_rows: ClassVar[str] = "runner.data.context_questions.infer_rows"
    PACKAGED: ClassVar[Sequence[str]] = (SAMPLE,)

    dataset: Path_ = option(
        description="A file, a folder or a pattern (.jsonl, .json, .csv, .tsv, .parquet, .arrow; .gz too), flat or as "
        "SQuAD nests questions, or a data set of the Hub (hub:OWNER/NAME, its split train; hub:OWNER/NAME/FILE, a "
        "pattern too), or sample (packaged).",
        examples=["sample", "data/train-v2.0.json", "hub:rajpurkar/squad_v2"],
    )
    columns: QuestionColumns | None = option(
        None, description="Columns that are called otherwise than usual: context, question, answers, ..."
    )
    max_samples: int | None = option(None, ge=1, description="Use this many questions, drawn by their content.")
    max_rows_lost: float = option(
        0.5, ge=0, le=1, description="Fail where more than this share of the questions has to be left out."
    )

    def load(self, context: LoadContext) -> LoadedData:
        """Read, find the answers, draw, split by contexts: lists of
        :class:`~runner.data.context_questions.question_row.QuestionRow`.

        Raises :class:`~runner.errors.DataError` where no question can be used, or more are lost than
        ``max_rows_lost`` allows.
        """
        from runner.data.context_questions.prepared import prepare

        return prepare(self, context)

    def row_keys(self, part: Any) -> set[int]:
        """The questions of a split by their content."""
        return {row.content_key() for row in part}

    def need_learnable(self, loaded: LoadedData) -> None:
        """Raise :class:`~runner.errors.DataError` where no question of training has an answer."""
        from runner.errors import DataError

        if not any(row.answers for row in loaded.train):
            raise DataError(
                "no question of training has an answer: there is nothing to learn",
                where="/data/dataset",
                hint="is the right column the answers? data.columns names it",
            )

    def preview(self, loaded: LoadedData, rows: int) -> Table:
        from runner.data.context_questions.preview import preview

        return preview(loaded.train, rows)

    def check(self, cwd: Path) -> None:
        self.refuse_without_effect()
        self.check_text(self.containers(cwd) or {"jsonl"})

    @property
    def own_columns(self) -> dict[str, str]:
        """The columns that the spec names, by their roles."""
        return {} if self.columns is None else self.columns.model_dump(exclude_none=True)

    @property
    def named_columns(self) -> list[str]:
        ways = [getattr(self, way) for way in self.WAYS if way.endswith("_column")]
        return list(dict.fromkeys([*self.own_columns.values(), *(name for name in ways if name is not None)]))

    @property
    def source(self) -> str:
        """The path or name of the data: of the sample, its file's path."""
        if self.dataset != SAMPLE:
            return self.dataset
        return str(Path(__file__).with_name("sample") / "questions.json")

    @classmethod
    def asked_words(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        return {name: data.get(name) for name in ("columns", "encoding", "delimiter")}

    @classmethod
    def document_of(cls, path: str, columns: Mapping[str, Any]) -> dict[str, Any]:
        return super().document_of(path, {OTHER_WORDS.get(role, role): name for role, name in columns.items()})

    @classmethod
    def roles(cls) -> dict[str, str]:
        """The layout's own, then other words for them."""
        return super().roles() | {word: f"The same as {role}." for word, role in OTHER_WORDS.items()}
