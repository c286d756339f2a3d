"""What comparing asks of held-out rows, whatever their layout: answers to prompts, and pairs of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from runner.chat.messages import Conversation, Message
from runner.data.dialogues.row_types import ConversationRow, LabelledRow, PreferenceRow, SourceRow, TextRow


@dataclass(frozen=True)
class Passage:
    """A text that is foretold, or a conversation whose turns by the assistant are."""

    text: str | None = None
    conversation: Conversation | None = None
    #: The pictures that it is about, in their order.
    pictures: Sequence[Any] = ()

    @property
    def bytes(self) -> int:
        """UTF-8 bytes of what is foretold."""
        if self.conversation is None:
            return len((self.text or "").encode("utf-8", "replace"))
        answers = [turn.content for turn in self.conversation.messages if turn.role == "assistant"]
        return sum(len(answer.encode("utf-8", "replace")) for answer in answers)


@dataclass(frozen=True)
class HeldRows:
    """Passages, of which some are pairs: the better of a pair first."""

    passages: tuple[Passage, ...]
    #: int64 ``[n]``: rows that belong together.
    groups: np.ndarray
    #: int64 ``[p, 2]``: numbers of passages.
    pairs: np.ndarray

    @classmethod
    def of(cls, rows: Sequence[Any]) -> HeldRows:
        """The passages of any rows of language. Of preferences the chosen answers come first, in the rows' order."""
        first: list[Passage] = []
        second: list[Passage] = []
        groups: list[int] = []
        for number, row in enumerate(rows):
            if isinstance(row, TextRow):
                first.append(Passage(text=row.text))
            elif isinstance(row, ConversationRow):
                pictures = getattr(row, "pictures", ())
                first.append(Passage(conversation=_unweighted(row.conversation, ()), pictures=pictures))
            elif isinstance(row, LabelledRow):
                if row.wanted:
                    first.append(Passage(conversation=_unweighted(row.prompt, row.completion)))
            elif isinstance(row, PreferenceRow):
                first.append(Passage(conversation=_unweighted(row.prompt, row.chosen)))
                second.append(Passage(conversation=_unweighted(row.prompt, row.rejected)))
            elif isinstance(row, SourceRow):
                asked = Message("user", row.source)
                turns = ((asked, Message("assistant", target)) for target in row.targets)
                first += [Passage(conversation=Conversation(each)) for each in turns]
            groups += [number] * (len(first) - len(groups))
        count = len(first)
        pairs = np.array([[at, count + at] for at in range(len(second))], np.int64).reshape(-1, 2)
        return cls((*first, *second), np.array(groups, np.int64), pairs)

    @property
    def judged(self) -> int:
        """How many passages the loss is over: all but the rejected answers."""
        return len(self.groups)


def _unweighted(prompt: Conversation, answer: Sequence[Message]) -> Conversation:
    """Prompt and answer; of an answer's row the prompt's own turns count 0."""
    from dataclasses import replace

    if not answer:
        return prompt
    return prompt.with_messages([*(replace(turn, weight=0.0) for turn in prompt.messages), *answer])
