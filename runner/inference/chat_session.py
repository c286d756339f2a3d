"""A conversation with a stored language model: its history, its options, kept as a file and taken up again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.chat.messages import Conversation, Message
from runner.contract import Task
from runner.data.dialogues.asked import AskedConversation
from runner.errors import DataError, NotFoundError
from runner.inference.opening import Setting, parse_settings, read_options
from runner.store.files import write_json


@dataclass
class ChatSession:
    """``predictor`` streams answers; ``options`` are those of its task."""

    predictor: Any
    task: Task
    options: Any
    system: str | None = None
    history: list[Message] = field(default_factory=list)

    def ask(self, text: str) -> Iterator[str]:
        """The answer, piece by piece. What was said so far is the answer where the reader stops reading.

        An answer that cannot be begun leaves the history as it was.
        """
        self.history.append(Message("user", text))
        said: list[str] = []
        try:
            for piece in self.predictor.stream(AskedConversation(self.conversation), self.options):
                said.append(piece)
                yield piece
        finally:
            if said:
                self.history.append(Message("assistant", "".join(said)))
            else:
                self.history.pop()

    @property
    def conversation(self) -> Conversation:
        """All of it, the system's turn first."""
        first = [Message("system", self.system)] if self.system is not None else []
        return Conversation((*first, *self.history))

    def reset(self) -> None:
        """Begin anew; the system's turn and the options stay."""
        self.history.clear()

    def set(self, pair: str) -> None:
        """Change one option, ``key=value``. Raises :class:`UsageError` for an option or a value that there is not."""
        own = self.options.model_dump()
        settings = {name: Setting(json.dumps(value)) for name, value in own.items()} | parse_settings([pair])
        self.options = read_options(self.task, settings)

    def save(self, path: Path) -> None:
        """Write the conversation and the options as JSON."""
        write_json(path, self.conversation.as_dict() | {"options": self.options.model_dump()})

    def load(self, path: Path) -> None:
        """Take a saved conversation up again, with its options.

        Raises :class:`NotFoundError` and :class:`DataError` for a file that holds none.
        """
        try:
            document = json.loads(path.read_text("utf-8"))
            messages = [Message(turn["role"], turn["content"]) for turn in document["messages"]]
            options = type(self.options).model_validate_json(json.dumps(document.get("options", {})))
        except FileNotFoundError:
            raise NotFoundError("there is no such file", where=str(path)) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"holds no saved conversation: {error}", where=str(path)) from None
        self.system = messages[0].content if messages and messages[0].role == "system" else None
        self.history = messages[1:] if self.system is not None else messages
        self.options = options
