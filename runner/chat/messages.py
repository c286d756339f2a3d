"""What a conversation is: its messages, and the tools that it may call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

Role = Literal["system", "user", "assistant", "tool"]
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function that an assistant asks for. ``arguments`` is the object itself, never its JSON text."""

    name: str
    arguments: Mapping[str, Any]
    id: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """As OpenAI writes it, but for the arguments: templates want the object."""
        function = {"name": self.name, "arguments": dict(self.arguments)}
        return ({"id": self.id} if self.id is not None else {}) | {"type": "function", "function": function}


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. ``content`` may be empty where there are tool calls."""

    role: Role
    content: str
    #: What the assistant thought before it answered, without the marks around it.
    reasoning: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    #: The call that a tool's message answers, and the tool's name.
    tool_call_id: str | None = None
    name: str | None = None
    #: What its tokens count in the loss, where the data says so; None leaves it to the run's ``loss_on``.
    weight: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """As chat templates read it: keys that say nothing are left out, and so is the weight."""
        document: dict[str, Any] = {"role": self.role, "content": self.content}
        if self.reasoning is not None:
            document["reasoning_content"] = self.reasoning
        if self.tool_calls:
            document["tool_calls"] = [call.as_dict() for call in self.tool_calls]
        for key in ("tool_call_id", "name"):
            if (value := getattr(self, key)) is not None:
                document[key] = value
        return document


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages in their order, and the definitions of tools as JSON Schema functions."""

    messages: tuple[Message, ...]
    tools: tuple[Mapping[str, Any], ...] = ()

    def with_messages(self, messages: Sequence[Message]) -> Conversation:
        """The same tools, other messages."""
        return Conversation(tuple(messages), self.tools)

    def as_dict(self) -> dict[str, Any]:
        """The canonical row: ``{"messages": [...], "tools": [...]}``, weights included."""
        rows = [
            message.as_dict() | ({} if message.weight is None else {"weight": message.weight})
            for message in self.messages
        ]
        return {"messages": rows} | ({"tools": [dict(tool) for tool in self.tools]} if self.tools else {})
