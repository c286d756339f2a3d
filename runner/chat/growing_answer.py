"""An answer as it grows: its reasoning and its content apart, and nothing that would have to be taken back."""

from __future__ import annotations

from runner.chat.parsing import message_of
from runner.chat.template_habits import Habits


class GrowingAnswer:
    """What may be shown of an answer's text so far.

    It is the message that :meth:`~runner.chat.renderer.ChatRenderer.parsed` makes of the whole text, calls of tools
    left in the content; but for an answer whose prompt ended within a thought and that never ends it: all of that is
    reasoning here, as it has to be told before the end is known.
    """

    def __init__(self, habits: Habits) -> None:
        self._habits = habits
        end = habits.end_token
        #: What is written before the token that ends a turn.
        self._before = habits.marker.removesuffix(end) if end is not None else ""
        self._text, self._content, self._reasoning = "", "", ""
        #: Whether all that comes is content.
        self._plain = False

    def add(self, text: str) -> tuple[str, str]:
        """Content and reasoning that are new with this much more text."""
        return self._told(text, over=False)

    def rest(self) -> tuple[str, str]:
        """What was held back, once the answer is over."""
        return self._told("", over=True)

    def _told(self, text: str, *, over: bool) -> tuple[str, str]:
        self._text += text
        content, reasoning = self._read(over)
        if self._before:
            held = next((n for n in range(len(self._before), 0, -1) if content.endswith(self._before[:n])), 0)
            content = content.removesuffix(self._before) if over else content[: len(content) - held]
        new = tuple(
            now[len(given) :] if now.startswith(given) else ""
            for now, given in ((content, self._content), (reasoning, self._reasoning))
        )
        self._content, self._reasoning = self._content + new[0], self._reasoning + new[1]
        return new[0], new[1]

    def _read(self, over: bool) -> tuple[str, str]:
        text, habits = self._text, self._habits
        opening, closing = habits.thought
        if "<|channel|>" in habits.prefix:
            if not over:
                # A mark may come letter by letter.
                begins = text.rfind("<|") if not text.endswith("<") else len(text) - 1
                text = text if begins < 0 or "|>" in text[begins:] else text[:begins]
                if "<|message|>" not in text:
                    return "", ""
            found = message_of(text, style=None, prefix=habits.prefix, thinking=False, thought=habits.thought)
            return found.content, found.reasoning or ""
        begun = text.lstrip()
        if not over and not self._plain and not habits.thinking:
            # It may yet become the mark of a thought, or what the template writes before an answer.
            undecided = bool(opening) and opening.startswith(begun)
            if undecided or (habits.prefix and habits.prefix != text and habits.prefix.startswith(text)):
                return "", ""
        if habits.thinking or (opening and begun.startswith(opening)):
            said, closed, rest = text.partition(closing)
            if not closed and not over:
                held = next((n for n in range(len(closing) - 1, 0, -1) if said.endswith(closing[:n])), 0)
                said = said[: len(said) - held]
            return rest.lstrip("\n"), said.lstrip().removeprefix(opening).strip()
        self._plain = True
        return text.removeprefix(habits.prefix), ""
