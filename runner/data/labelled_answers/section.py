"""The ``data`` section of learning from single answers that are marked good or bad, from a path to two splits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from runner.contract import LoadedData, option
from runner.data.dialogues.section import TurnColumns, TurnsData, Word
from runner.data.holdout import ColumnName
from runner.data.role_files import column
from runner.errors import DataError


class LabelledColumns(TurnColumns):
    """The columns of a labelled answer, where they are called otherwise than usual."""

    completion: ColumnName | None = column("The answer to the prompt: a text, a turn, or a list of turns.")
    label: ColumnName | None = column("Whether the answer is wanted.")
    chosen: ColumnName | None = column("The better of two answers: it is wanted.")
    rejected: ColumnName | None = column("The worse of two answers: it is not wanted.")


class LabelledAnswersData(TurnsData):
    """Single answers to prompts, each wanted or not."""

    layout: ClassVar[str] = "labelled_answers"
    sample_file: ClassVar[str] = "preferences"
    made_by: ClassVar[str] = "runner.data.labelled_answers.labelled_rows"

    columns: LabelledColumns | None = option(
        None, description="Columns that are called otherwise than usual: prompt, completion, label, ..."
    )
    label_words: dict[Word, bool] = option(
        factory=dict,
        description='What a label means that is neither true nor false, as in {"5": true, "1": false}. Known are '
        "true, yes, 1, good, desirable, chosen, positive, thumbs_up, up, like and their opposites, in any case.",
    )

    def need_learnable(self, loaded: LoadedData) -> None:
        """Raise :class:`DataError` where all rows of training are wanted, or none is."""
        need_both_sorts(row.wanted for row in loaded.train)


def need_both_sorts(wanted: Iterable[bool]) -> None:
    """Raise :class:`DataError` where every answer to learn from is of one sort."""
    sorts = set(map(bool, wanted))
    if len(sorts) == 1:
        raise DataError(
            f"every answer to learn from is {'wanted' if sorts.pop() else 'unwanted'}: there is nothing to tell apart",
            where="/data",
            hint="kto needs answers of both sorts; answers that are all good are learned by model_type sft",
        )
