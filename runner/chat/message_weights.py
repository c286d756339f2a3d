"""What each message of a conversation counts in the loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from runner.chat.messages import Message


class RoleWeights(Protocol):
    """A number for each role, as a spec's ``loss_on`` object has them."""

    @property
    def assistant(self) -> float: ...
    @property
    def user(self) -> float: ...
    @property
    def system(self) -> float: ...
    @property
    def tool(self) -> float: ...


LossOn = Literal["assistant", "last_assistant", "all"] | RoleWeights


def message_weights(messages: Sequence[Message], loss_on: LossOn) -> list[float]:
    """One weight a message. A message's own weight goes before what ``loss_on`` says of its role.

    ``last_assistant`` is the last message of an assistant, whatever follows it.
    """
    last = max((index for index, message in enumerate(messages) if message.role == "assistant"), default=-1)

    def by_role(index: int, message: Message) -> float:
        if loss_on == "all":
            return 1.0
        if loss_on == "assistant":
            return float(message.role == "assistant")
        if loss_on == "last_assistant":
            return float(index == last)
        return float(getattr(loss_on, message.role))

    return [
        by_role(index, message) if message.weight is None else float(message.weight)
        for index, message in enumerate(messages)
    ]
