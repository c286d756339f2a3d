"""What is to be learned of one conversation, in one text or in several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runner.chat.message_weights import LossOn, message_weights
from runner.chat.messages import Conversation
from runner.chat.refusals import Unrenderable
from runner.chat.template_input import Prepared, left_out
from runner.chat.turn_positions import Layout


@dataclass(frozen=True)
class Lesson:
    """A conversation with a weight for each message."""

    prepared: Prepared
    weights: Sequence[float]
    #: Every token counts, also those between the messages, but for the messages that have a weight of their own.
    everything: bool

    @classmethod
    def of(cls, prepared: Prepared, loss_on: LossOn) -> Lesson:
        return cls(prepared, message_weights(prepared.conversation.messages, loss_on), loss_on == "all")

    @property
    def conversation(self) -> Conversation:
        return self.prepared.conversation

    def told(self, weights: Sequence[float]) -> list[int]:
        """The messages whose tokens must be found."""
        answers = [message.role == "assistant" for message in self.conversation.messages]
        own = [message.weight is not None for message in self.conversation.messages]
        return [
            index
            for index, weight in enumerate(weights)
            if (own[index] or (answers[index] and weight > 0) if self.everything else weight > 0)
        ]

    def layout(self, weights: Sequence[float]) -> Layout:
        """The text up to the last message that counts; all of it where none does."""
        return self.prepared.scribe.whole(_length(weights))

    def missed(self, weights: Sequence[float]) -> list[int]:
        """The answers that cannot be learned from ``layout(weights)``: rewritten there, or without an end of turn."""
        layout, last = self.layout(weights), _length(weights) - 1
        endless = {turn.message for turn in layout.turns if turn.marker == turn.end and turn.message < last}
        return sorted({*layout.rewritten, *endless}.intersection(self.told(weights)))

    def each(self) -> Iterator[list[float]]:
        """The weights for one text after another: each has one answer that counts, and what is new before it."""
        answers = [index for index in self.told(self.weights) if self.conversation.messages[index].role == "assistant"]
        begin = 0
        for last in sorted({*answers, _length(self.weights) - 1}):
            yield [weight if begin <= index <= last else 0.0 for index, weight in enumerate(self.weights)]
            begin = last + 1

    def contents(self, weights: Sequence[float]) -> dict[int, tuple[int, int]]:
        """Where in the text the messages that are no answers, and are told by themselves, say what they say."""
        found, count = {}, _length(weights)
        for index in self.told(weights):
            message = self.conversation.messages[index]
            if message.role == "assistant" or index >= count or not message.content.strip():
                continue
            span = self.prepared.scribe.content(index, count)
            if span is None:
                raise self._refused(index, "does not keep what it says apart from the rest, so it cannot be learned")
            found[index] = span
        return found

    def check(self, weights: Sequence[float], layout: Layout) -> None:
        """Nothing that the row says is left out silently, but for what a template takes out of earlier answers."""
        answers = {turn.message: layout.text[turn.start : turn.end] for turn in layout.turns}
        for index, message in enumerate(self.conversation.messages[: _length(weights)]):
            if message.role == "assistant" and not weights[index]:
                continue
            text = answers.get(index, layout.text)
            if (part := left_out(message, text, self.prepared.protection)) is not None:
                raise self._refused(index, f"leaves out {part}")
        self.check_tools()

    def check_tools(self) -> None:
        """The model is told of the conversation's tools, and of what was called."""
        if self.prepared.scribe.habits.call_form is None:
            for index, message in enumerate(self.conversation.messages):
                if message.tool_calls:
                    raise self._refused(index, "leaves out its call of a tool")
        if self.conversation.tools and not self.prepared.scribe.habits.writes_tools:
            raise Unrenderable(
                "left out by template",
                f"the chat template ({self.prepared.scribe.template.name}) does not tell the model of the "
                "conversation's tools",
                hint="take the tools out of the row, or name another template in chat.template: chatml has tools",
            )

    def _refused(self, index: int, fault: str) -> Unrenderable:
        message = self.conversation.messages[index]
        return Unrenderable(
            "left out by template",
            f"message {index + 1} ({message.role}): the chat template ({self.prepared.scribe.template.name}) {fault}",
            hint="change the row, or name another template in chat.template",
        )


def _length(weights: Sequence[float]) -> int:
    """How many messages there are up to the last that counts; all where none does."""
    return max((index for index, weight in enumerate(weights) if weight > 0), default=len(weights) - 1) + 1
