"""The ``data`` section of tagging tokens: tokens with their tags, or spans on texts, from a path to two splits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import StringConstraints

from runner.contract import LoadContext, LoadedData, Table, option
from runner.data.holdout import ColumnName
from runner.data.named_files import DataPath, most_lost, most_samples
from runner.data.role_columns import RoleColumns
from runner.data.role_files import RoleFiles, column
from runner.data.tagged_tokens.conll_suffixes import CONLL

TypeName = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class TokenColumns(RoleColumns):
    """The columns of tokens with tags, or of a text with spans, where they are called otherwise than usual."""

    tokens: ColumnName | None = column(
        'The tokens: a list, as JSON or Python text too, or words with blanks between; "1" is a CoNLL file\'s first.'
    )
    tags: ColumnName | None = column(
        'A tag for each token, in IOB1, IOB2, BILOU or without prefixes; "4" is a CoNLL file\'s fourth, else its last.'
    )
    text: ColumnName | None = column("A text, in the place of tokens.")
    spans: ColumnName | None = column(
        "The entities on that text: {start, end, label} or [start, end, label] each, in characters, the end beyond."
    )
    id: ColumnName | None = column("A name of the row, which outputs repeat.")


class TaggedTokensData(RoleFiles):
    """Tokens, and which of them are entities of which type."""

    layout: ClassVar[str] = "tagged_tokens"
    asked_rows: ClassVar[str] = "runner.data.tagged_tokens.infer_rows"
    other_names: ClassVar[Mapping[str, str]] = {
        "words": "tokens", "ner_tags": "tags", "labels": "tags", "label": "tags", "entities": "spans",
    }  # fmt: skip
    sample: ClassVar[Path] = Path(__file__).with_name("sample") / "entities.jsonl"
    ALSO_READ: ClassVar[Mapping[str, Any]] = CONLL
    kept: ClassVar[tuple[str, ...]] = ("entity_types",)

    dataset: DataPath = option(
        description="A file, a folder or a pattern (.jsonl, .json, .csv, .tsv, .parquet, .arrow; .conll, .bio, .iob2, "
        ".txt in CoNLL's form; .gz too), or a data set of the Hub (hub:OWNER/NAME, its split train; "
        "hub:OWNER/NAME/FILE, a pattern too), or sample (packaged).",
        examples=["sample", "data/train.conll", "hub:tner/wnut2017/dataset/train.json"],
    )
    columns: TokenColumns | None = option(
        None, description="Columns that are called otherwise than usual: tokens and tags, or text and spans."
    )
    scheme: Literal["auto", "IOB2", "IOB1", "BILOU", "plain"] = option(
        "auto",
        description="How tags mark an entity's ends. auto: found by looking at all of them. plain: types without "
        "prefixes; equal ones side by side are one entity. BILOU: BIOES and BMEWO too.",
    )
    entity_types: list[TypeName] | None = option(
        None,
        min_length=1,
        description="The types that there are; rows of others are left out, counted. null: those of the training rows.",
    )
    tag_names: list[Annotated[str, StringConstraints(max_length=256)]] | None = option(
        None,
        min_length=1,
        description='What tags that are numbers stand for, from 0: ["O", "B-PER", ...]. null: the names that a '
        "Parquet file of the Hub brings.",
    )
    max_samples: int | None = most_samples()
    max_rows_lost: float = most_lost()

    def load(self, context: LoadContext) -> LoadedData:
        """Read, turn tags into IOB2, draw, split: :class:`~runner.data.tagged_tokens.prepared.TaggedRows` each.

        Raises :class:`~runner.errors.DataError` where no row can be used, or more are lost than ``max_rows_lost``
        allows.
        """
        from runner.data.tagged_tokens.prepared import prepare

        return prepare(self, context)

    def row_keys(self, part: Any) -> set[int]:
        """The rows of a split by their content."""
        return {row.content_key for row in part.rows}

    def preview(self, loaded: LoadedData, rows: int) -> Table:
        cells = [
            (row.line, token, tag)
            for row in loaded.train.rows[:rows]
            for token, tag in zip(row.tokens, row.tags, strict=True)
        ]
        return Table("rows", "Training rows", ("line", "token", "tag"), cells)

    def preview_text(self, loaded: LoadedData, rows: int) -> str:
        lines = []
        for row in loaded.train.rows[:rows]:
            lines.append(f"line {row.line}")
            lines += [f"    {tag:<12} {token}" for token, tag in zip(row.tokens, row.tags, strict=True)]
        return "\n".join(lines)

    def need_learnable(self, loaded: LoadedData) -> None:
        from runner.errors import DataError

        if not loaded.train.types:
            raise DataError(
                "no row of training has an entity: every tag is O",
                where="/data/dataset",
                hint="is the right column the tags? data.columns names it",
            )

    def _check_header(self, path: Path) -> None:
        # A .tsv file may be CoNLL's and have none: its columns are looked for when it is read.
        if path.name.lower().removesuffix(".gz").endswith(".csv"):
            super()._check_header(path)
