"""Why a row of a language model's data cannot be used, and what is told of one that is used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


class RowFault(Exception):
    """A row that cannot be used. ``reason`` is counted; ``detail`` says what was found, and where in the row."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


#: What is odd about a row that is used as it stands: a word for the counts, and the end of a sentence about rows.
ODDITIES = {
    "same_speaker_twice": "two turns in a row by one side, which are kept apart",
    "system_turn_later": "a system turn after the first turn: some templates refuse it",
    "begins_with_answer": "an assistant's turn before any user's: some templates refuse it",
    "unlisted_tool": "a call of a tool that their tools do not define",
    "unanswered_call": "a call of a tool that no answer of one follows",
    "unasked_tool_answer": "an answer of a tool that no call before it asked for",
    "answers_begin_with_prompt": "answers that begin with their prompt, which stands there twice then",
    "target_equals_source": "a target that is their source, word by word",
    "answer_says_nothing": "an answer that is a word for a missing one, such as nan or N/A: it is learned",
    "thought_alone": "an answer that thinks and then says nothing: its <think> is never closed, or nothing follows it",
    "written_in_a_chat_format": "turns in which marks of a chat format stand as text: the chat template writes its own "
    "around them, so that they stand there twice",
    "lost_letters": "letters lost to another encoding before: U+FFFD stands in their place",
    "chosen_scored_lower": "a chosen answer with a lower score than the rejected one",
    "negative_margin": "a margin below 0, which says that the rejected answer is the better one",
}


@dataclass
class Told:
    """What conversion tells of the row that is converted now, and of all of them."""

    #: Reasons why this row is used otherwise than it stands, and :data:`ODDITIES` of it.
    changed: set[str] = field(default_factory=set)
    odd: set[str] = field(default_factory=set)
    #: What was written otherwise and says the same: it is counted and named, and no reason to warn.
    noted: set[str] = field(default_factory=set)
    #: Rows by the form that was recognised, and the columns that were read, by role.
    forms: Counter[str] = field(default_factory=Counter)
    columns: dict[str, set[str]] = field(default_factory=dict)
    #: Every column of a form that was recognised, with a value or not.
    used: set[str] = field(default_factory=set)
    #: Keys of turns that nothing reads, each with how often it was there.
    unused_keys: Counter[str] = field(default_factory=Counter)
    #: Counts that a layout has besides.
    counts: Counter[str] = field(default_factory=Counter)
    #: Sentences about all rows.
    sentences: dict[str, None] = field(default_factory=dict)

    def begin(self) -> None:
        """A new row."""
        self.changed.clear()
        self.odd.clear()
        self.noted.clear()

    def read(self, form: str, columns: Mapping[str, str]) -> None:
        """A row of a form was read from these columns, by role."""
        self.forms[form] += 1
        for role, name in columns.items():
            self.columns.setdefault(role, set()).add(name)
