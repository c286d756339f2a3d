"""What a language model's kinds get of a row. ``line`` is its line (text files) or number, from 1, in its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runner.chat.messages import Conversation, Message


@dataclass(frozen=True, slots=True)
class TextRow:
    """A text to go on from, word by word."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class ConversationRow:
    """A conversation, some of whose turns are learned."""

    line: int
    conversation: Conversation
    #: How much better than expected its answers are, where the data says so.
    advantage: float | None = None


@dataclass(frozen=True, slots=True)
class PreferenceRow:
    """Two ways to go on from a prompt, of which one is better."""

    line: int
    prompt: Conversation
    chosen: tuple[Message, ...]
    rejected: tuple[Message, ...]
    #: How much better, where the data says so.
    margin: float | None = None


@dataclass(frozen=True, slots=True)
class LabelledRow:
    """One way to go on from a prompt, and whether it is wanted."""

    line: int
    prompt: Conversation
    completion: tuple[Message, ...]
    wanted: bool


@dataclass(frozen=True, slots=True)
class PromptRow:
    """A prompt to be answered, and the row's other cells by column, as JSON has them: rewards judge answers by them."""

    line: int
    prompt: Conversation
    beside: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A text to be turned into another, and the texts that it may become, each of them right; there is one at least."""

    line: int
    source: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PairRow:
    """Two texts that belong together, and texts that do not belong to the first; or how much, or how, they do."""

    line: int
    anchor: str
    positive: str
    negatives: tuple[str, ...] = ()
    #: How alike they are.
    score: float | None = None
    #: What they are to each other.
    label: str | None = None


LanguageRow = TextRow | ConversationRow | PreferenceRow | LabelledRow | PromptRow | SourceRow | PairRow
