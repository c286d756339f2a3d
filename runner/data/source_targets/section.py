"""The ``data`` section of turning texts into others: sources with their targets, from a path to two splits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from runner.contract import option
from runner.data.dialogues.section import DialogueData, column
from runner.data.holdout import ColumnName
from runner.data.role_columns import RoleColumns

#: Roles of the keys of a translation, which are no columns.
LANGUAGE_KEYS = ("source_language", "target_language")


class SourceColumns(RoleColumns):
    """The columns of a source and its targets, where they are called otherwise than usual."""

    source: ColumnName | None = column("The text that is read; a list of sentences is joined.")
    target: ColumnName | None = column("The text that it is to become; a list holds several, each of them right.")
    translation: ColumnName | None = column('An object of texts by language: {"en": ..., "de": ...}.')
    source_language: ColumnName | None = column("The key in a translation that is read.")
    target_language: ColumnName | None = column("The key in a translation that is to be made.")


class SourceTargetsData(DialogueData):
    """Texts, each with what it is to become: a summary, a translation, a description."""

    layout: ClassVar[str] = "source_targets"
    made_by: ClassVar[str] = "runner.data.source_targets.source_rows"
    asked_rows: ClassVar[str] = "runner.data.source_targets.asked_sources"
    other_names: ClassVar[Mapping[str, str]] = {
        "text": "source", "document": "source", "prompt": "source", "input": "source", "question": "source",
        "label": "target", "labels": "target", "summary": "target", "completion": "target", "output": "target",
        "answer": "target", "answers": "target", "targets": "target", "reference": "target", "references": "target",
    }  # fmt: skip
    cut_away: ClassVar[str] = "what is over max_length tokens, or max_target_length of a target, is cut"

    columns: SourceColumns | None = option(
        None, description="Columns that are called otherwise than usual: source and target, or translation."
    )

    @property
    def named_columns(self) -> list[str]:
        keys = {name for role, name in self.own_columns.items() if role in LANGUAGE_KEYS}
        own = {name for role, name in self.own_columns.items() if role not in LANGUAGE_KEYS}
        return [name for name in super().named_columns if name not in keys or name in own]

    @classmethod
    def asked_words(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        return {name: data.get(name) for name in ("columns", "encoding", "delimiter")}
