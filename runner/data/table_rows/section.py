"""The ``data`` section of a table's spec: which columns are predicted, which are inputs, and what their cells mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from runner import near_names
from runner.contract import LoadContext, LoadedData, Table, option
from runner.data.holdout import ColumnName, StratifiedHoldout
from runner.data.named_files import DataPath, NamedFiles, most_lost, most_samples_of_classes
from runner.data.table_rows import date_directives as directives
from runner.data.table_rows import packaged
from runner.data.table_rows.table_side import TableSplit
from runner.errors import DataError, NotFoundError

Words = Annotated[str, StringConstraints(max_length=1024)]


#: The fields that say what a column is: each column is in one of them.
MEANINGS = (
    "target_columns", "id_column", "categorical_columns", "numerical_columns", "date_columns", "text_columns",
    "ignored_columns",
)  # fmt: skip

#: Plain words for columns' fields, as ``runner data check`` takes them.
ROLES = {"target": "target_columns", "label": "target_columns", "id": "id_column"}


def _names(value: str | list[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else value or []


def _two_meanings(name: str, first: str, second: str) -> PydanticCustomError:
    return PydanticCustomError(
        "two_meanings",
        "column {name} is in {first} and in {second}, and a column has one meaning",
        {"name": repr(name), "first": first, "second": second},
    )


class TableData(NamedFiles):
    """The fields that tables of classes and of numbers share."""

    asked_rows: ClassVar[str] = "runner.data.table_rows.infer_rows"
    layout: ClassVar[str] = "table_rows"
    PACKAGED: ClassVar[Sequence[str]] = packaged.NAMES
    kept: ClassVar[tuple[str, ...]] = ("target_columns",)
    #: What the target columns hold.
    predicts: ClassVar[Literal["classes", "numbers"]]
    #: The kinds that predict classes and numbers of such rows.
    class_kind: ClassVar[str] = "tabular_classification"
    number_kind: ClassVar[str] = "tabular_regression"

    dataset: DataPath = option(
        description="A file, a folder or a pattern (.csv, .tsv, .jsonl, .json, .parquet, .arrow; .gz too), a data set "
        "of the Hub (hub:OWNER/NAME, its split train; hub:OWNER/NAME/FILE, a pattern too), or the name of a packaged "
        f"table: {', '.join(packaged.NAMES)}.",
        examples=["iris", "data/train.csv", "hub:scikit-learn/iris"],
    )
    target_columns: ColumnName | Annotated[list[ColumnName], Field(min_length=1)] = option(
        "target", description="The column to be predicted, or a list of several."
    )
    id_column: ColumnName | None = option(
        None, description="A column that names the rows, no input. null: a column called id whose cells all differ."
    )
    categorical_columns: list[ColumnName] = option(
        factory=list, description="Columns that are categories whatever their cells look like, such as codes of digits."
    )
    numerical_columns: list[ColumnName] = option(
        factory=list, description="Columns that are numbers; a cell that is none is an error."
    )
    date_columns: list[ColumnName] = option(
        factory=list, description="Columns that are dates: inputs are year, month, day, weekday, and days since 1970."
    )
    text_columns: list[ColumnName] = option(
        factory=list, description="Columns of texts, whose words are hashed into text_features counts."
    )
    ignored_columns: list[ColumnName] = option(factory=list, description="Columns that are not looked at.")
    text: Literal["refuse", "hash", "ignore"] = option(
        "refuse", description="What becomes of a column that looks like texts and is not in text_columns."
    )
    text_features: int = option(32, ge=1, le=4096, description="Counts that the words of a text are hashed into.")
    missing_values: list[Words] = option(
        factory=list,
        description="Words that mean a missing cell, in every column. An empty cell always does; words such as NA do "
        "in a column that is numbers otherwise, which is reported.",
    )
    date_format: Words | dict[ColumnName, Words] | None = option(
        None,
        description='How dates are written, as in "%d/%m/%Y", for all columns or by column. null: the one format that '
        "fits all cells of a column; where two do, this is asked for.",
    )
    decimal: Literal[".", ","] = option(".", description="What stands before the fraction of a number in a text file.")
    max_samples: int | None = most_samples_of_classes()
    max_rows_lost: float = most_lost()

    @field_validator("date_format")
    @classmethod
    def _known_directives(cls, value: str | dict[str, str] | None) -> str | dict[str, str] | None:
        for form in value.values() if isinstance(value, dict) else [value]:
            if form is not None and (fault := directives.fault_of(form)):
                raise PydanticCustomError("date_format", "{form} {fault}", {"form": repr(form), "fault": fault})
        return value

    @field_validator("date_format")
    @classmethod
    def _formats_of_dates(cls, value: Any, info: ValidationInfo) -> Any:
        for name in value if isinstance(value, dict) else ():
            for other in ("split_column", "group_column", *MEANINGS):
                if other != "date_columns" and name in _names(info.data.get(other)):
                    raise _two_meanings(name, other, "date_format")
        return value

    @field_validator(*MEANINGS)
    @classmethod
    def _one_meaning(cls, value: Any, info: ValidationInfo) -> Any:
        assert info.field_name is not None
        names = _names(value)
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise PydanticCustomError("named_twice", "names column {name} twice", {"name": repr(twice)})
        for name in names:
            # The ways of holding rows out are fields before these; such a column is no input and no target.
            sides = ("split_column", "group_column") if info.field_name != "id_column" else ()
            for other in (*sides, *MEANINGS[: MEANINGS.index(info.field_name)]):
                if name in _names(info.data.get(other)):
                    raise _two_meanings(name, other, info.field_name)
        return value

    @model_validator(mode="after")
    def _targets_are_no_holdout(self) -> Self:
        # The target by its default, which no field's validator sees.
        for field in ("split_column", "group_column", "time_column"):
            if getattr(self, field) in self.targets:
                raise _two_meanings(getattr(self, field), field, "target_columns")
        return self

    def without_effect(self) -> dict[str, str]:
        found = super().without_effect()
        if self.text != "hash" and not self.text_columns:
            found["text_features"] = "text is not hash, and text_columns names none, so that no text is hashed"
        return found

    @property
    def targets(self) -> tuple[str, ...]:
        """The target columns, in the order in which they are given."""
        return (self.target_columns,) if isinstance(self.target_columns, str) else tuple(self.target_columns)

    def load(self, context: LoadContext) -> LoadedData:
        """Read, look at the columns, drop what has no target, split: train and validation are :class:`TableSplit`.

        Raises :class:`DataError` for columns that are not there, for cells that do not fit, and where too few rows are
        left.
        """
        from runner.data.table_rows.prepared import prepare

        return prepare(self, context)

    def row_keys(self, part: TableSplit) -> set[int]:
        """The rows of a split by their content."""
        return set(part.keys.tolist())

    def preview(self, loaded: LoadedData, rows: int) -> Table:
        from runner.data.table_rows.preview import preview

        return preview(loaded.train, rows)

    def check(self, cwd: Path) -> None:
        self.refuse_without_effect()
        near = near_names.nearest(self.dataset, packaged.NAMES)
        if near and self.dataset not in packaged.NAMES and not (cwd / self.dataset).exists():
            raise NotFoundError(
                "there is no packaged table of that name, and no such file",
                where=f"/data/dataset: {self.dataset}",
                hint=f"did you mean {near!r}? packaged are {', '.join(packaged.NAMES)}",
            )
        containers = self.containers(cwd)
        packaged_table = "" if containers else f"the packaged table {self.dataset}"
        self.check_text(containers, packaged_table)
        if self.decimal != "." and packaged_table:
            raise DataError(f"has no effect: the data is {packaged_table}", where="/data/decimal", hint="take it out")

    @property
    def named_columns(self) -> list[str]:
        """Every column that the spec names and the data has to have."""
        singles = (self.id_column, self.split_column, self.group_column, self.time_column)
        formats = self.date_format if isinstance(self.date_format, dict) else {}
        names = [
            *self.targets, *self.categorical_columns, *self.numerical_columns, *self.date_columns, *self.text_columns,
            *formats, *(name for name in singles if name is not None), *self.ignored_columns,
        ]  # fmt: skip
        return list(dict.fromkeys(names))

    @classmethod
    def asked_words(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        return {name: data.get(name) for name in ("id_column", "encoding", "delimiter")}

    @classmethod
    def document_of(cls, path: str, columns: Mapping[str, Any]) -> dict[str, Any]:
        return {"dataset": path} | {ROLES.get(role, role): column for role, column in columns.items()}

    @classmethod
    def roles(cls) -> dict[str, str]:
        """The plain words, then the fields."""
        return {role: f"The same as {name}." for role, name in ROLES.items()} | super().roles()


class ClassesData(StratifiedHoldout, TableData):
    """The ``data`` object of a table whose target is one of several classes."""

    predicts: ClassVar[Literal["classes", "numbers"]] = "classes"


class NumbersData(TableData):
    """The ``data`` object of a table whose target is a number."""

    predicts: ClassVar[Literal["classes", "numbers"]] = "numbers"

    def need_learnable(self, loaded: LoadedData) -> None:
        """Raise :class:`DataError` where every row of training has the same number."""
        from runner.data.table_rows.targets import need_different_numbers

        need_different_numbers(loaded.train.targets)
