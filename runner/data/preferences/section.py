"""The ``data`` section of learning from preferences: two answers to a prompt, from a path to two splits."""

from __future__ import annotations

from typing import ClassVar

from runner.contract import option
from runner.data.dialogues.section import TurnColumns, TurnsData
from runner.data.holdout import ColumnName
from runner.data.role_files import column


class PreferenceColumns(TurnColumns):
    """The columns of a preference, where they are called otherwise than usual."""

    chosen: ColumnName | None = column("The better answer: a text, a turn, a list of turns, or a whole conversation.")
    rejected: ColumnName | None = column("The worse answer, or a list of several.")
    ranked: ColumnName | None = column("Answers in one list, the best one first.")
    response_a: ColumnName | None = column("One of two answers that were voted on.")
    response_b: ColumnName | None = column("The other one.")
    winner: ColumnName | None = column("Which of the two won: a, b, model_a, model_b; a tie is left out, and counted.")
    margin: ColumnName | None = column("How much better the chosen answer is, as a number.")


class PreferencesData(TurnsData):
    """Pairs of answers to one prompt, of which one is better."""

    layout: ClassVar[str] = "preferences"
    made_by: ClassVar[str] = "runner.data.preferences.preference_rows"

    columns: PreferenceColumns | None = option(
        None, description="Columns that are called otherwise than usual: prompt, chosen, rejected, ..."
    )
