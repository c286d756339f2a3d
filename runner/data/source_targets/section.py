"""The ``data`` section of turning texts into others: sources with their targets, from a path to two splits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import ClassVar

from runner.contract import LoadContext, LoadedData, option
from runner.contract.quantities import counted
from runner.data.dialogues.section import DialogueData
from runner.data.holdout import ColumnName, text_key
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
        import numpy as np

        from runner.data.dialogues.row_preparation import first_of

        loaded = super().load(context)
        # Of each row its line, and its source and its targets by numbers of 64 bits, in the order of the lines.
        every = (
            (row.line, text_key(row.source.strip()), text_key(json.dumps(row.targets)))
            for row in chain(loaded.train, loaded.validation)
        )
        found = np.fromiter(every, np.dtype([("line", "i8"), ("source", "u8"), ("targets", "u8")]))
        found = found[np.argsort(found["line"], kind="stable")]
        _, before, which = np.unique(found["source"], return_index=True, return_inverse=True)
        again = found["line"][found["targets"][before[which]] != found["targets"]].tolist()
        if again:
            sentence = (
                f"the source of {counted(len(again), 'rows')} stands there before with another target; each row is "
                "learned and judged by its own, and a list of targets in one row has each of them right: "
                f"{first_of(again)}"
            )
            context.report.warnings.append(sentence)
            context.emit("warning", message=sentence, pointer="/data/dataset")
        if len(found) > 1 and len(np.unique(found["targets"])) == 1:
            sentence = (
                f"every row has the same target, {loaded.train[0].targets[0][:60]!r}: nothing of a source is learned"
            )
            context.report.warnings.append(sentence)
            context.emit("warning", message=sentence, pointer="/data/dataset")
        return loaded
