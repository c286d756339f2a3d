"""The ``data`` section of turning texts into others: sources with their targets, from a path to two splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from runner.contract import LoadContext, LoadedData, option
from runner.contract.quantities import counted
from runner.data.dialogues.section import DialogueData
from runner.data.holdout import ColumnName
from runner.data.role_columns import RoleColumns
from runner.data.role_files import column

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
    keys_of_cells: ClassVar[Sequence[str]] = LANGUAGE_KEYS
    cut_away: ClassVar[str] = "what is over max_length tokens, or max_target_length of a target, is cut"

    columns: SourceColumns | None = option(
        None, description="Columns that are called otherwise than usual: source and target, or translation."
    )

    def load(self, context: LoadContext) -> LoadedData:
        """See :meth:`DialogueData.load`; rows whose source stands there before, with other targets, are told."""
        from runner.data.dialogues.row_preparation import first_of

        loaded = super().load(context)
        known: dict[str, tuple[str, ...]] = {}
        again = []
        for row in sorted((*loaded.train, *loaded.validation), key=lambda row: row.line):
            if known.setdefault(row.source.strip(), row.targets) != row.targets:
                again.append(row.line)
        if again:
            sentence = (
                f"the source of {counted(len(again), 'rows')} stands there before with another target; each row is "
                "learned and judged by its own, and a list of targets in one row has each of them right: "
                f"{first_of(again)}"
            )
            context.report.warnings.append(sentence)
            context.emit("warning", message=sentence, pointer="/data/dataset")
        return loaded
