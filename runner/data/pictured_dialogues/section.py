"""The ``data`` section of pictures with what is said of them, from a path to two splits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import field_validator
from pydantic_core import PydanticCustomError

from runner.contract import LoadContext, LoadedData, Table, option
from runner.data.dialogues.section import TURN_KEYS, TurnsData
from runner.data.holdout import ColumnName
from runner.data.images.tables_folder import PicturesOfTables
from runner.data.pictured_dialogues.pictured_row import WRITTEN
from runner.data.role_columns import RoleColumns
from runner.data.role_files import SAMPLE, column

#: Words for a role that other programs use.
SYNONYMS = {
    "images": "image", "picture": "image", "file_name": "image", "conversations": "messages", "question": "prompt",
    "query": "prompt", "instruction": "prompt", "answer": "completion", "answers": "completion",
    "response": "completion", "target": "completion", "output": "completion", "text": "completion",
    "description": "caption",
}  # fmt: skip


class PicturedColumns(RoleColumns):
    """The columns of pictures and of what is said of them, where they are called otherwise than usual."""

    #: A turn's keys may be called as a column is.
    NO_COLUMNS: ClassVar[tuple[str, ...]] = TURN_KEYS

    image: ColumnName | None = column(
        "The picture, or a list of them: paths from the table's folder, bytes, structs of bytes and path, or base64."
    )
    messages: ColumnName | None = column("The turns of a conversation: a list of objects, or its JSON text.")
    prompt: ColumnName | None = column("What is asked of the picture.")
    completion: ColumnName | None = column("The answer; a list holds several, each of them right.")
    caption: ColumnName | None = column("What the picture shows; a list holds several, each of them right.")
    system: ColumnName | None = column("The system's turn.")
    role: ColumnName | None = column("The key of a turn that says whose it is.")
    content: ColumnName | None = column("The key of a turn that has what was said.")


class PicturedDialoguesData(TurnsData, PicturesOfTables):
    """Pictures with questions and answers, captions, or conversations."""

    layout: ClassVar[str] = "pictured_dialogues"
    made_by: ClassVar[str] = "runner.data.pictured_dialogues.pictured_rows"
    asked_rows: ClassVar[str] = "runner.data.pictured_dialogues.asked_pictures"
    other_names: ClassVar[Mapping[str, str]] = SYNONYMS
    cut_away: ClassVar[str] = "a row that is over max_length tokens with its pictures is left out"

    columns: PicturedColumns | None = option(
        None, description="Columns that are called otherwise than usual: image, with messages, prompt and completion, "
        "or caption."
    )  # fmt: skip
    caption_prompt: str = option(
        "Describe the picture.",
        min_length=1,
        max_length=4096,
        description="What is asked of a picture that has a caption, and of one that is asked about without a question.",
    )

    @field_validator("caption_prompt")
    @classmethod
    def _without_mark(cls, value: str) -> str:
        if WRITTEN in value:
            raise PydanticCustomError(
                "mark", "a picture stands in front of it: write it without {mark}", {"mark": WRITTEN}
            )
        return value

    def load(self, context: LoadContext) -> LoadedData:
        """Read, look at every picture, drop, draw, split: lists of
        :class:`~runner.data.pictured_dialogues.pictured_row.PicturedRow`.

        The rows of a picture stay on one side of a split. Raises :class:`DataError` where too few rows can be used.
        """
        from runner.data.dialogues.prepared import prepare
        from runner.data.pictured_dialogues.collected_rows import collect

        return prepare(self, context, collect)

    def row_keys(self, part: Any) -> set[int]:
        from runner.data.pictured_dialogues.collected_rows import content_key

        return {content_key(row) for row in part}

    def preview_text(self, loaded: LoadedData, rows: int) -> str:
        from runner.data.pictured_dialogues.preview import as_read

        return super().preview_text(as_read(loaded, rows), rows)

    def preview(self, loaded: LoadedData, rows: int) -> Table:
        from runner.data.pictured_dialogues.preview import as_read

        return super().preview(as_read(loaded, rows), rows)

    @staticmethod
    def written(row: Any) -> dict[str, Any]:
        """A row as ``runner data convert`` writes it: pictures by the names that the data has for them."""
        from runner.data.pictured_dialogues.preview import document

        return document(row)

    @property
    def source(self) -> str:
        """The path or name of the data: of the sample, its file's path."""
        if self.dataset != SAMPLE:
            return self.dataset
        return str(Path(__file__).with_name("sample") / "shapes.parquet")

    def check(self, cwd: Path) -> None:
        self.check_folder(cwd)
        super().check(cwd)

    @classmethod
    def asked_words(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        return super().asked_words(data) | {"caption_prompt": data.get("caption_prompt")}
