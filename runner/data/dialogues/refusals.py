"""What is said where too few rows of a language model's data can be used: what was found, and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.contract import DataReport
from runner.data.column_names import need
from runner.data.dialogues.row_preparation import faults_told, too_many_lost
from runner.errors import DataError

if TYPE_CHECKING:
    from runner.data.dialogues.collected import Collected
    from runner.data.dialogues.section import DialogueData

#: Reasons of a row whose columns are not those of the layout: what is wrong, and what to do.
COLUMNS = {
    "unrecognised_columns": ("the columns are not those of a layout that is known", ""),
    "no_answer_column": ("there is a prompt, and no column is known as its answer", ""),
    "no_label_column": ("no column says which answers are wanted", ""),
    "no_pair": ("there are no two answers of which one is better", ""),
    "other_kind": ("there are no two answers of which one is better", "name the model_type that learns from them"),
    "no_picture_column": ("no column is known as the picture", ""),
    "no_target_column": ("there is a source, and no column is known as its target", ""),
    "two_targets": ("several columns could be the source or the target", ""),
    "two_answers": ("several columns could be the answer", ""),
    "two_prompts": ("several columns could be the prompt", ""),
    "two_positives": ("several columns could be the text that belongs to the first one", ""),
    "no_such_form": ("the rows are not of the form that data.form says", ""),
    "single_turns": (
        "every row is a single turn, and nothing says which conversation it belongs to",
        'the turns of a conversation stand in one row, as a list: {"messages": [{"role": ..., "content": ...}, ...]}',
    ),
    "plain_texts": ("the rows are plain texts without turns", "model_type causal_lm learns texts as they are"),
    "preferences": ("the rows are preferences", "name the model_type that learns from them"),
    "conversations": ("the rows are conversations", "name the model_type that learns them"),
}


def need_rows(
    section: DialogueData, path: str, pointer: str, found: Collected, report: DataReport, *, all_lost_only: bool = False
) -> None:
    """Raise :class:`DataError` where no row can be used, or more are lost than the section allows."""
    if not report.rows_read:
        raise DataError("there is no row in it", where=f"{pointer}: {path}")
    if found.seen:
        need(list(found.seen), section.named_columns, path)
    lost = report.rows_read - len(found)
    if len(found) and (all_lost_only or lost <= section.max_rows_lost * report.rows_read):
        return
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in report.rows_dropped.items())
    most = max(report.rows_dropped, key=lambda reason: report.rows_dropped[reason])
    if not len(found) and most in COLUMNS:
        what, hint = COLUMNS[most]
        told = "; ".join(detail for detail in found.details.get(most, {}))
        more = "" if report.rows_dropped[most] == report.rows_read else f" ({reasons})"
        raise DataError(
            f"{what}: {told}{more}" if told else f"{what}{more}",
            where="/data/columns" if pointer == "/data/dataset" else f"{pointer}: {path}",
            hint=hint or f"known are: {found.layout.KNOWN}. {_mapping(found)}",
        )
    raise too_many_lost(report, len(found), f"{pointer}: {path}", details(found))


def details(found: Collected) -> list[str]:
    """What was found in rows that are not used, each with the first of them."""
    return faults_told(found.details, found.unit)


def _mapping(found: Collected) -> str:
    roles, names = found.layout.MAPPED, list(found.seen)
    columns = names if len(names) == len(roles) else ["..."] * len(roles)
    example = ", ".join(f'"{role}": "{column}"' for role, column in zip(roles, columns, strict=True))
    return f"Others are named in data.columns: {{{example}}}"
