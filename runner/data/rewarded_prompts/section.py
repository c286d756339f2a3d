"""The ``data`` section of learning from rewards: prompts, and what answers are judged by, from a path to two splits."""

from __future__ import annotations

from typing import ClassVar

from runner.contract import option
from runner.data.dialogues.section import TurnColumns, TurnsData


class RewardedPromptsData(TurnsData):
    """Prompts that are answered in training. All other columns of a row are there for the rewards."""

    layout: ClassVar[str] = "rewarded_prompts"
    sample_file: ClassVar[str] = "conversations"
    made_by: ClassVar[str] = "runner.data.rewarded_prompts.rewarded_prompt_rows"

    columns: TurnColumns | None = option(
        None, description="Columns that are called otherwise than usual: prompt, or messages, ..."
    )
