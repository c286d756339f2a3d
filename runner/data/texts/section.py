"""The ``data`` section of training on plain texts, from a path to two splits."""

from __future__ import annotations

from typing import ClassVar

from runner.contract import Section, option
from runner.data.dialogues.section import DialogueData
from runner.data.holdout import ColumnName
from runner.data.role_files import column


class TextColumns(Section):
    """The column of a text, where it is called otherwise than usual."""

    text: ColumnName | None = column("The text.")


class TextsData(DialogueData):
    """Texts to go on from, word by word."""

    layout: ClassVar[str] = "texts"
    made_by: ClassVar[str] = "runner.data.texts.text_rows"

    columns: TextColumns | None = option(None, description="The text's column, where it is called otherwise.")
