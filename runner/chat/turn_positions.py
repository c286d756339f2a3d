"""Where the turns lie in the text that a template writes.

An assistant's turn begins where its prompt ends: the prompt is the template's text of what came before, with the
beginning of an answer, and that is what the model is fed when it is asked. The turn ends after its end of turn. Both
are found by writing beginnings of the conversation, whatever the template is.

A template may write an earlier turn otherwise than it wrote it when it was the last: reasoning is taken out of it, say.
Such a turn is ``rewritten``: in this text it is not what the model answers, so it cannot be learned from it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from runner.chat.refusals import Unrenderable
from runner.chat.template_habits import Habits, in_parts
from runner.chat.template_rendering import Template, Written

_OPEN, _CLOSE = "<think>", "</think>"


@dataclass(frozen=True, slots=True)
class Turn:
    """An assistant's turn in a text: the characters at which its prompt ends, its end of turn begins, and it ends."""

    message: int
    start: int
    marker: int
    end: int


@dataclass(frozen=True, slots=True)
class Layout:
    """A text, the turns of assistants that stand in it as they are answered, and the messages of those that do not.

    ``generated`` are the characters that the template marks as an assistant's.
    """

    text: str
    turns: tuple[Turn, ...]
    rewritten: tuple[int, ...]
    generated: tuple[tuple[int, int], ...]
    #: What other messages say, by their indexes, where it was asked for.
    contents: Mapping[int, tuple[int, int]] = field(default_factory=dict)

    def with_contents(self, contents: Mapping[int, tuple[int, int]]) -> Layout:
        """The same with the characters of what messages say."""
        return replace(self, contents=contents)

    def without(self, marks: Sequence[int], text: str) -> Layout:
        """The same turns in ``text``, which is this one without the characters at ``marks`` (in order)."""
        if not marks:
            return self

        def moved(place: int) -> int:
            return place - bisect_left(marks, place)

        turns = tuple(Turn(turn.message, moved(turn.start), moved(turn.marker), moved(turn.end)) for turn in self.turns)
        generated = tuple((moved(start), moved(end)) for start, end in self.generated)
        contents = {index: (moved(start), moved(end)) for index, (start, end) in self.contents.items()}
        return Layout(text, turns, self.rewritten, generated, contents)


@dataclass
class Scribe:
    """A template at work on one conversation. Every text is written once."""

    template: Template
    habits: Habits
    messages: Sequence[dict[str, Any]]
    tools: Sequence[Mapping[str, Any]]
    #: For each message its reasoning; None where the template or the content has it.
    reasoning: Sequence[str | None]
    _texts: dict[tuple[int, bool], Written] = field(default_factory=dict)

    def prompt(self, count: int) -> Layout:
        """What a model is fed that answers the first ``count`` messages."""
        return self._layout(self._write(count, prompt=True), count, ())

    def whole(self, count: int) -> Layout:
        """The first ``count`` messages; where the last is an assistant's, the text ends with its end of turn."""
        if self.messages[count - 1]["role"] != "assistant":
            return self._layout(self._write(count), count, ())
        written, turn = self.answered(count - 1)
        return self._layout(replace(written, text=written.text[: turn.end]), count - 1, (turn,))

    def answered(self, message: int) -> tuple[Written, Turn]:
        """The text that ends with the assistant's turn ``message``, as it is when it is the last, and the turn."""
        prompt, written = self._write(message, prompt=True).text, self._write(message + 1)
        if not written.text.startswith(prompt):
            written = Written(self._thought_closed(prompt, written.text, message), ())
        return written, Turn(message, len(prompt), *self.habits.ending(written.text, len(prompt)))

    def content(self, index: int, count: int) -> tuple[int, int] | None:
        """The characters of ``whole(count)`` that are what message ``index`` says; None where it says nothing.

        They are the ones that change where it says something else.
        """
        text = self.whole(count).text
        letter = next(chr(code) for code in range(0xE000, 0xF8FF) if chr(code) not in text)
        message = self.messages[index] | {"content": letter}
        messages = list(self.messages)
        messages[index] = in_parts(message) if self.habits.parts else message
        other = replace(self, messages=messages, _texts={}).whole(count).text
        start, length = other.find(letter), len(text) - len(other) + 1
        same = start >= 0 and text[:start] == other[:start] and text[start + length :] == other[start + 1 :]
        return (start, start + length) if same and length > 0 else None

    def _write(self, count: int, *, prompt: bool = False) -> Written:
        key = (count, prompt)
        if key not in self._texts:
            try:
                self._texts[key] = self.template.write(self.messages[:count], self.tools, prompt=prompt)
            except Unrenderable as error:
                index = self._refused_at(count)
                where = f"message {index + 1} ({self.messages[index]['role']}): " if self.messages else ""
                raise Unrenderable(error.reason, where + error.message, hint=error.hint) from error
        return self._texts[key]

    def _refused_at(self, count: int) -> int:
        """The message after the longest beginning that the template takes."""
        for end in range(count - 1, 0, -1):
            try:
                self.template.write(self.messages[:end], self.tools, prompt=False)
            except Unrenderable:
                continue
            return end
        return 0

    def _layout(self, written: Written, count: int, last: tuple[Turn, ...]) -> Layout:
        turns: list[Turn] = []
        rewritten: list[int] = []
        for index in range(count):
            if self.messages[index]["role"] != "assistant":
                continue
            whole, turn = self._answered_earlier(index)
            if turn is not None and written.text.startswith(whole[: turn.end]):
                turns.append(turn)
            else:
                rewritten.append(index)
        return Layout(written.text, (*turns, *last), tuple(rewritten), written.generated)

    def _answered_earlier(self, message: int) -> tuple[str, Turn | None]:
        """A turn of the history. One that could not be learned by itself does not hinder the turns after it."""
        try:
            written, turn = self.answered(message)
        except Unrenderable:
            return "", None
        return written.text, turn

    def _thought_closed(self, prompt: str, text: str, message: int) -> str:
        """The turn after a prompt that ends with an open ``<think>``, which the template leaves out of the answer.

        The model is fed the prompt, so what it has to answer begins inside: the reasoning, if there is any, and the
        closing mark come first.
        """
        before, found, blank = prompt.rpartition(_OPEN)
        if found and not blank.strip() and text.startswith(before):
            if text.startswith(before + _OPEN):
                return prompt + text[len(before) + len(_OPEN) :]
            return f"{prompt}{self.reasoning[message] or ''}\n{_CLOSE}\n\n{text[len(before) :]}"
        raise Unrenderable(
            "history rewritten",
            f"message {message + 1} (assistant): the chat template ({self.template.name}) writes the answer otherwise "
            "than after the prompt that it is asked with",
            hint="take the reasoning out of the row, or name another template in chat.template",
        )
