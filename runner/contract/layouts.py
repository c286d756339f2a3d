"""What a row of data is: loading it for a training, reporting on it, and rows to be answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, get_args

from runner.contract.measures import Table
from runner.contract.sections import Section
from runner.errors import DataError

if TYPE_CHECKING:
    from runner.contract.models import ModelSpec


class DataSection(Section):
    """The ``data`` object of a spec: what to load, how much of it, and how to split it."""

    def load(self, context: LoadContext) -> LoadedData:
        """Read, check and split. Raises :class:`~runner.errors.DataError`, never returns an empty split silently."""
        raise NotImplementedError

    def network_needed(self, cache: Path) -> bool:
        """Whether loading reaches out of the machine (a Hub data set that no local cache holds)."""
        return False

    def check(self, cwd: Path) -> None:
        """What can be told of the user's files in an instant, before a run is made: there, readable, not empty.

        ``cwd`` is the folder that relative paths count from. Raises what :meth:`load` would.
        """

    def suits(self, spec: ModelSpec, cwd: Path) -> None:
        """What an instant look into the user's files tells of the data and a kind together, before a run is made.

        Raises what :meth:`load` would for a kind that reads what the data lacks, or for rows that cannot be used.
        """

    def need_learnable(self, loaded: LoadedData) -> None:
        """Raise :class:`~runner.errors.DataError` for rows that can be read and of which nothing can be learned."""

    def preview(self, loaded: LoadedData, rows: int) -> Table:
        """The first rows of training as the kind gets them, for ``runner data show``."""
        return Table("rows", "Rows", [], [], note=f"{self.layout} cannot be shown as a table")

    def preview_text(self, loaded: LoadedData, rows: int) -> str:
        """The same for a terminal, where it does not read well as a table; "" where it does."""
        return ""

    def without_effect(self) -> dict[str, str]:
        """The fields that have no effect beside others, each with why: ``split_column says which rows are held out``.

        A document that gives such a field is refused, whatever its value; the resolved spec, which a run keeps, leaves
        it out. What only the rows can tell is refused by :func:`~runner.contract.sections.departs`.
        """
        return {}

    def refuse_without_effect(self) -> None:
        """Raise :class:`~runner.errors.DataError` for a field that is given and has no effect."""
        for name, why in self.without_effect().items():
            if name in self.model_fields_set:
                raise DataError(f"has no effect: {why}", where=f"/data/{name}", hint="take it out")

    #: What a row of it is called, such as ``comparisons``: the layout of a :class:`DataReport`.
    layout: ClassVar[str] = "rows"
    #: The fields that stay when another data set is named in the place of a spec's own: what is predicted.
    kept: ClassVar[tuple[str, ...]] = ()

    def local_files(self) -> list[Path]:
        """The user's files that loading reads, so that an executor can mount them."""
        return []

    def resolved(self, cwd: Path) -> Self:
        """This section with the paths in it absolute (:func:`runner.workspace.absolute`), counted from ``cwd``, so
        that they mean the same in a container and in a run that is resumed from elsewhere. Names stay names."""
        return self

    def row_keys(self, part: Any) -> set[Any]:
        """What tells the rows of one side of the split apart: two sides that share one have shared a row."""
        raise NotImplementedError

    #: The module that reads rows to be answered: ``from_words``, ``from_file`` and ``from_pipe``, each giving rows that
    #: can be read twice (:class:`AskedRows`).
    asked_rows: ClassVar[str] = "runner.data.prompts"
    #: What a command that is shown calls the file, or the folder, of such rows; None: as the task says.
    asked_file: ClassVar[str | None] = None

    @classmethod
    def asked_words(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        """What the reader of rows to be answered is told of a stored model's ``data`` section, as keyword arguments."""
        return {}

    @classmethod
    def document_of(cls, path: str, columns: Mapping[str, Any]) -> dict[str, Any]:
        """The ``data`` object of a spec that names ``path`` and maps roles to columns, as ``runner data check`` does.

        A role is the layout's plain word (``prompt``, ``target``, ``text``); a field of the section beside its columns
        is taken as it stands. A layout whose fields are called otherwise overrides this.
        """
        beside = {role: value for role, value in columns.items() if role in cls.model_fields}
        roles = {role: column for role, column in columns.items() if role not in beside}
        return {"dataset": path} | ({"columns": roles} if roles else {}) | beside

    @classmethod
    def roles(cls) -> dict[str, str]:
        """Every role that :meth:`document_of` takes, with what it means: the columns, then the fields beside them."""
        fields = dict(cls.model_fields)
        del fields["dataset"]
        if columns := fields.pop("columns", None):
            named = next(each.model_fields for each in get_args(columns.annotation) if hasattr(each, "model_fields"))
            fields = dict(named) | fields
        return {name: field.description or "" for name, field in fields.items()}


@dataclass(frozen=True)
class LoadContext:
    """What loading may use: the model's spec (its filters), where caches are, and somewhere to say things."""

    spec: ModelSpec
    cache: Path
    emit: Callable[..., None]
    #: Filled in while rows are read: it tells of them also where loading then raises.
    report: DataReport = field(default_factory=lambda: DataReport(""))


@dataclass(frozen=True)
class LoadedData:
    """A loaded data set, split. What ``train`` and ``validation`` are is the family's own type."""

    train: Any
    validation: Any
    #: sha256 of what was read, so that a replay can tell whether the data is the same.
    fingerprint: str
    #: Counts for the run's record: rows read, kept, skipped by reason, sizes of the splits.
    record: dict[str, Any]
    #: The same for ``runner data check``, with the lines of what was dropped or changed.
    report: DataReport | None = None
    #: The share of the rows that may be lost: those that a kind cannot learn from count as well.
    most_lost: float = 1.0


#: Rows that a sentence names of each reason why rows are not used.
FIRST_LOST = 3


@dataclass
class DataReport:
    """What became of every row that was read. A row is named by its line (text) or its number (Parquet, Arrow), from 1;
    one that is a file of its own, such as a picture, by its name.

    At most :data:`NAMED` rows are kept for each reason; the counts are whole.
    """

    NAMED: ClassVar[int] = 100

    layout: str
    rows_read: int = 0
    rows_kept: int = 0
    rows_dropped: dict[str, int] = field(default_factory=dict)
    rows_changed: dict[str, int] = field(default_factory=dict)
    named: dict[str, list[Any]] = field(default_factory=dict)
    #: What is odd about the data and dropped or changed no row, as sentences.
    warnings: list[str] = field(default_factory=list)
    #: What was recognised, such as the form of a file; empty where there is nothing to tell.
    facts: dict[str, Any] = field(default_factory=dict)

    def drop(self, reason: str, rows: Sequence[int | str]) -> None:
        """Count rows that are not used."""
        self._count(self.rows_dropped, reason, rows)

    def change(self, reason: str, rows: Sequence[int | str]) -> None:
        """Count rows that are used otherwise than they stand in the file."""
        self._count(self.rows_changed, reason, rows)

    def lost(self) -> str:
        """Why rows are not used, each reason with its count and the first of them: ``empty_text 21 (10, 11, 12, ...)``.

        Empty where none was dropped.
        """
        told = []
        for reason, count in self.rows_dropped.items():
            named = self.named.get(reason, [])[:FIRST_LOST]
            shown = ", ".join(map(str, named)) + (", ..." if count > len(named) else "")
            told.append(f"{reason} {count:,} ({shown})" if named else f"{reason} {count:,}")
        return ", ".join(told)

    def _count(self, counts: dict[str, int], reason: str, rows: Sequence[int | str]) -> None:
        if len(rows):
            counts[reason] = counts.get(reason, 0) + len(rows)
            named = self.named.setdefault(reason, [])
            named.extend(row if isinstance(row, str) else int(row) for row in rows[: self.NAMED - len(named)])


class AskedRow(Protocol):
    """One row to be answered: a prompt, a table's row, an image."""

    @property
    def id(self) -> str | int | None: ...
    def key(self) -> bytes | None:
        """What makes it the same question as another; None where equal rows are answered each anew."""


class AskedRows(Protocol):
    """Rows to be answered, in their order, from words, a file or a pipe. Read as often as needed, never held."""

    name: str
    #: What they are called, such as ``prompts``.
    noun: str
    #: What :meth:`check` found: rows, blank lines, whether any row has an id.
    count: int
    blank: int
    has_ids: bool
    #: What else there is to say of them before they are answered, in sentences.
    notes: Sequence[str]

    @property
    def empty(self) -> bool:
        """Whether there is not one byte."""

    def check(self) -> None:
        """Read all of it once. Raises :class:`~runner.errors.DataError` with the place of the first that is no row."""

    def chunks(self, size: int) -> Any:
        """Every row, ``size`` at a time, as lists. Raises ``DataError`` if the file is not the one that was checked."""

    def fingerprint(self) -> list[Any]:
        """What tells whether another reading gives the same rows."""

    def provenance(self) -> dict[str, Any]:
        """What the provenance says of them."""

    def close(self) -> None:
        """Take away what was put aside to be read twice."""
