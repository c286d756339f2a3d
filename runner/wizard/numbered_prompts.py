"""Prompts as plain lines: choices have numbers, nothing moves the cursor. For dumb terminals and screen readers."""

from __future__ import annotations

import getpass
import sys
import textwrap
from collections.abc import Sequence
from typing import Any, TextIO

from runner.errors import Interrupted
from runner.wizard.prompt_interface import Choice, NotAnAnswer, Question, answer_of, title_of
from runner.wizard.text_wrapping import columns, wrapped


class NumberedPrompts:
    """Writes a question as lines and reads one line, from the terminal or from what a test gives."""

    def __init__(self, source: TextIO | None = None, out: TextIO | None = None, width: int | None = None) -> None:
        self._source, self._out = source or sys.stdin, out or sys.stdout
        self._width = width

    def ask(self, question: Question) -> Any:
        try:
            self._out.write(self._drawn(question) + "\n")
            self._out.flush()
            while True:
                typed = self._line(question)
                try:
                    return answer_of(question, typed)
                except NotAnAnswer as error:
                    self.say(f"  ! {error}")
        except (KeyboardInterrupt, EOFError):
            # Also while the question is written.
            self._out.write("\n")
            raise Interrupted("setup cancelled") from None

    def say(self, text: str) -> None:
        self._out.write(wrapped(text, self._columns) + "\n")
        self._out.flush()

    def _line(self, question: Question) -> str:
        prompt = self._prompt(question)
        if question.shape == "secret" and self._source is sys.stdin:
            return getpass.getpass(prompt)
        self._out.write(prompt)
        self._out.flush()
        line = self._source.readline()
        if not line:
            raise EOFError
        # A terminal's echo has put the line break there; what is piped shows none.
        return line

    def _prompt(self, question: Question) -> str:
        if question.shape == "yes_no":
            return {True: "[Y/n] ", False: "[y/N] ", None: "[y/n] "}[question.default]
        if question.default is not None:
            return f"[{title_of(question, question.default)}] "
        return "[none] " if question.optional else "> "

    def _drawn(self, question: Question) -> str:
        lines = ["", wrapped(question.text, self._columns)]
        width = len(str(len(question.choices)))
        for number, choice in enumerate(question.choices, 1):
            lines += self._choice(f"  {number:>{width}}  ", choice, question.choices)
        if question.free and question.choices:
            lines.append("  or type another")
        if question.shape == "several":
            lines.append("  several: 1, 3")
        return "\n".join(lines)

    def _choice(self, before: str, choice: Choice, choices: Sequence[Choice]) -> list[str]:
        titles = max(len(each.title) for each in choices)
        text = before + (choice.title.ljust(titles) + "  " + choice.note if choice.note else choice.title)
        indent = len(before) + (titles + 2 if titles < self._columns // 2 else 2)
        return textwrap.wrap(
            text, self._columns, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
        )

    @property
    def _columns(self) -> int:
        return self._width or columns()
