"""The ``data`` section of learning from texts with labels or numbers: which columns are which, and the split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from runner.contract import LoadContext, LoadedData, Table, invalid, option
from runner.data.holdout import ColumnName, StratifiedHoldout
from runner.data.named_files import DataPath, NamedFiles, most_lost, most_samples_of_classes
from runner.errors import DataError

Words = Annotated[str, StringConstraints(max_length=1024)]
#: The data that comes with the program.
SAMPLE = "sample"
#: Plain words for columns' fields, as ``runner data check`` takes them.
ROLES = {
    "text": "text_columns", "target": "target_columns", "label": "target_columns", "labels": "target_columns",
    "score": "target_columns", "sentence1": "text_columns", "sentence2": "text_columns",
}  # fmt: skip


class LabelledTextData(NamedFiles):
    """The fields that texts of classes and of numbers share."""

    asked_rows: ClassVar[str] = "runner.data.labelled_texts.infer_rows"
    layout: ClassVar[str] = "labelled_texts"
    PACKAGED: ClassVar[Sequence[str]] = (SAMPLE,)
    kept: ClassVar[tuple[str, ...]] = ("target_columns",)
    #: What the target columns hold.
    predicts: ClassVar[Literal["classes", "numbers"]]

    dataset: DataPath = option(
        description="A file, a folder or a pattern (.csv, .tsv, .jsonl, .json, .parquet, .arrow; .gz too), a data set "
        "of the Hub (hub:OWNER/NAME, its split train; hub:OWNER/NAME/FILE, a pattern too), or sample (packaged).",
        examples=["sample", "data/train.csv", "hub:PolyAI/banking77"],
    )
    text_columns: ColumnName | Annotated[list[ColumnName], Field(min_length=1, max_length=64)] | None = option(
        None,
        description="The column of texts, or several. null: the one that is called text, sentence, review, question, "
        "or another usual name, or sentence1 and sentence2.",
    )
    target_columns: ColumnName | Annotated[list[ColumnName], Field(min_length=1)] | None = option(
        None,
        description="The column to be predicted, or a list of several. null: the one that has a usual name.",
    )
    joined: Literal["auto", "pair", "lines"] = option(
        "auto",
        description="How several text columns are read: pair, as the tokenizer joins two texts; lines, one below the "
        "other. auto: two are a pair, more are lines.",
    )
    id_column: ColumnName | None = option(None, description="A column that names the rows.")
    missing_values: list[Words] = option(
        factory=list, description="Words that mean a missing target. An empty cell always does; no other word does."
    )
    max_samples: int | None = most_samples_of_classes()
    max_rows_lost: float = most_lost()

    @model_validator(mode="after")
    def _each_its_own(self) -> Self:
        names = [*self.texts, *self.targets]
        ways = ("split_column", "group_column", "time_column", "id_column")
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            field = "target_columns" if twice in self.targets else "text_columns"
            raise invalid((field,), "two_meanings", f"column {twice!r} has two meanings")
        for field in ways:
            if (name := getattr(self, field)) in self.targets:
                raise invalid((field,), "two_meanings", f"column {name!r} is in {field} and is a target")
        return self

    def without_effect(self) -> dict[str, str]:
        found = super().without_effect()
        if len(self.texts) == 1:
            found["joined"] = "text_columns names one column"
        return found

    @property
    def texts(self) -> tuple[str, ...]:
        """The text columns that are named."""
        return _names(self.text_columns)

    @property
    def targets(self) -> tuple[str, ...]:
        """The target columns that are named."""
        return _names(self.target_columns)

    @property
    def source(self) -> str:
        """The path or name of the data."""
        return str(Path(__file__).with_name("sample") / "messages.csv") if self.dataset == SAMPLE else self.dataset

    def load(self, context: LoadContext) -> LoadedData:
        """Read, find the columns, drop what has no text or no target, split: both sides are :class:`LabelledSide`.

        Raises :class:`DataError` for columns that are not there, and where too few rows are left.
        """
        from runner.data.labelled_texts.prepared import prepare

        return prepare(self, context)

    def row_keys(self, part: Any) -> set[int]:
        """The rows of a split by their content."""
        return set(part.keys.tolist())

    def preview(self, loaded: LoadedData, rows: int) -> Table:
        from runner.data.labelled_texts.labelled_side import preview

        return preview(loaded.train, rows)

    def check(self, cwd: Path) -> None:
        self.refuse_without_effect()
        self.check_text(self.containers(cwd) or {"csv"})

    @property
    def named_columns(self) -> list[str]:
        singles = (self.id_column, self.split_column, self.group_column, self.time_column)
        return list(dict.fromkeys([*self.texts, *self.targets, *(name for name in singles if name is not None)]))

    @classmethod
    def asked_words(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        return {name: data.get(name) for name in ("text_columns", "id_column", "encoding", "delimiter")}

    @classmethod
    def document_of(cls, path: str, columns: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for role, column in columns.items():
            field = ROLES.get(role, role)
            if field in ("text_columns", "target_columns") and field in found:
                found[field] = [*_names(found[field]), *_names(column)]
            else:
                found[field] = column
        return {"dataset": path} | found

    @classmethod
    def roles(cls) -> dict[str, str]:
        """The plain words, then the fields."""
        return {role: f"The same as {name}." for role, name in ROLES.items()} | super().roles()


class ClassTextData(StratifiedHoldout, LabelledTextData):
    """The ``data`` object of texts with classes or labels."""

    predicts: ClassVar[Literal["classes", "numbers"]] = "classes"

    label_separator: Annotated[str, StringConstraints(min_length=1, max_length=16)] | None = option(
        None,
        description="What stands between the labels of a row that has several, in one column of text. A column of "
        "lists needs none, nor several target columns, each of which says yes or no to a label of its name.",
    )

    def check(self, cwd: Path) -> None:
        super().check(cwd)
        if self.label_separator is not None and len(self.targets) > 1:
            raise DataError(
                "has no effect: several target columns are a label each",
                where="/data/label_separator",
                hint="take it out",
            )


class NumberTextData(LabelledTextData):
    """The ``data`` object of texts with numbers."""

    predicts: ClassVar[Literal["classes", "numbers"]] = "numbers"

    decimal: Literal[".", ","] = option(".", description="What stands before the fraction of a number in a text file.")

    def need_learnable(self, loaded: LoadedData) -> None:
        """Raise :class:`DataError` where every row of training has the same number."""
        from runner.data.table_rows.targets import need_different_numbers

        need_different_numbers(loaded.train.targets)


def _names(value: str | Sequence[str] | None) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)
