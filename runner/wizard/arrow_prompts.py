"""Prompts for a capable terminal: lists to walk with arrow keys and to filter, hidden secrets, paths completed."""

from __future__ import annotations

import os
from typing import Any

import questionary
from prompt_toolkit import PromptSession
from prompt_toolkit.completion import PathCompleter
from prompt_toolkit.key_binding import KeyBindings, merge_key_bindings
from prompt_toolkit.keys import Keys
from prompt_toolkit.styles import Style
from prompt_toolkit.validation import ValidationError, Validator

from runner.errors import Interrupted
from runner.wizard.prompt_interface import Choice, Command, NotAnAnswer, Question, answer_of, checked, shown, title_of
from runner.wizard.text_wrapping import columns, wrapped

#: What a list's prompt gives back when a colon was typed, and when another answer is to be typed.
_COLON, _OTHER = object(), object()
_STYLE = Style([("qmark", "fg:ansicyan"), ("question", "bold")])


class ArrowPrompts:
    """Draws with questionary. ``options`` go to prompt_toolkit: tests give its input and output."""

    def __init__(self, **options: Any) -> None:
        # It would ask the terminal where the cursor is, and warn in the midst of a list where that has no answer.
        os.environ.setdefault("PROMPT_TOOLKIT_NO_CPR", "1")
        self._options = options

    def ask(self, question: Question) -> Any:
        while True:
            try:
                if question.shape in ("choice", "several"):
                    return self._from_list(question)
                return self._typed(question)
            except NotAnAnswer as error:
                self.say(f"  ! {error}")
            except (KeyboardInterrupt, EOFError):
                raise Interrupted("setup cancelled") from None

    def say(self, text: str) -> None:
        print(wrapped(text), flush=True)

    def _typed(self, question: Question, begun: str = "") -> Any:
        """A line. Enter alone is the default, which stands in brackets: nothing has to be deleted first."""
        hint = "" if begun else _hint(question)
        long = len(question.text) + len(hint) + 4 > columns() // 2
        # What is typed begins a line of its own where the question leaves it little room.
        hint = "\n" + f"{hint} > ".lstrip() if long else hint + " " if hint else ""
        prompt: PromptSession[str] = PromptSession(
            [
                ("class:qmark", "? "),
                ("class:question", wrapped(question.text, first=2) + ("" if long else " ")),
                ("", hint),
            ],
            style=_STYLE,
            validator=_Check(question),
            validate_while_typing=False,
            key_bindings=_pasting(),
            is_password=question.shape == "secret",
            completer=PathCompleter(expanduser=True) if question.shape == "path" else None,
            complete_while_typing=False,
            **self._options,
        )
        return answer_of(question, prompt.prompt(default=begun))

    def _from_list(self, question: Question) -> Any:
        room = columns() - 4
        text = wrapped(question.text, first=2)
        chosen = question.default if question.shape == "several" else [question.default]
        listed = [
            questionary.Choice(
                _fitted(choice, room),
                # What is pointed at is described below the list: filtering looks at names alone.
                description=wrapped(choice.note, first=len("  Description: ")) if choice.note else None,
                # questionary takes None for no value at all.
                value=(choice.value,),
                checked=question.shape == "several" and choice.value in (chosen or []),
            )
            for choice in question.choices
        ]
        if question.free:
            listed.append(questionary.Choice("another: type it", value=_OTHER))
        if question.optional and question.shape == "choice" and not any(c.value is None for c in question.choices):
            listed.append(questionary.Choice("none", value=(None,)))
        if not listed:
            return self._typed(question)
        if question.shape == "several":
            prompt = questionary.checkbox(
                text,
                listed,
                qmark="?",
                instruction="\n  (space marks; : for commands)",
                **self._options,
            )
        else:
            at = next((each for each in listed if each.value == (question.default,)), None)
            if at is None and question.default is not None and question.free:
                at = questionary.Choice(shown(question.default), value=(question.default,))
                listed.insert(0, at)
            prompt = questionary.select(
                text,
                listed,
                qmark="?",
                default=at,
                use_search_filter=True,
                use_jk_keys=False,
                instruction="\n  (arrows or letters; : for commands)",
                **self._options,
            )
        _add_colon(prompt)
        answer = prompt.unsafe_ask()
        if answer is _COLON:
            # A command leaves from here; whoever takes the colon back is in the list again.
            self._typed(Question(question.key, "command", read=_no_command, optional=True), begun=":")
            return self._from_list(question)
        if answer is _OTHER:
            # What is typed now may be anything that the question takes.
            return self._typed(_as_text(question))
        if question.shape == "several":
            return checked(question, [value for (value,) in answer])
        return checked(question, answer[0])


class _Check(Validator):
    """Says what is wrong below the line, before Enter is taken."""

    def __init__(self, question: Question) -> None:
        self._question = question

    def validate(self, document: Any) -> None:
        try:
            answer_of(self._question, document.text)
        except NotAnAnswer as error:
            raise ValidationError(message=str(error), cursor_position=len(document.text)) from None
        except Command:
            return


def _as_text(question: Question) -> Question:
    return Question(
        question.key, question.text, check=question.check, read=question.read, help=question.help, why=question.why
    )


def _no_command(text: str) -> None:
    if text != ":":
        raise NotAnAnswer("a command begins with a colon, such as :back")


def _hint(question: Question) -> str:
    if question.shape == "yes_no":
        return {True: "[Y/n]", False: "[y/N]", None: "[y/n]"}[question.default]
    if question.default is not None:
        return f"[{title_of(question, question.default)}]"
    return "[none]" if question.optional else ""


def _fitted(choice: Choice, room: int) -> str:
    text = choice.title or shown(choice.value)
    return text if len(text) <= room else text[: room - 1] + "…"


def _pasting() -> KeyBindings:
    """What is pasted stays one answer: its line breaks become spaces, and those at its ends go."""
    keys = KeyBindings()

    @keys.add(Keys.BracketedPaste, eager=True)
    def _(event: Any) -> None:
        event.current_buffer.insert_text(" ".join(event.data.split()))

    return keys


def _add_colon(prompt: questionary.Question) -> None:
    """A colon in a list begins a command; the end of input ends the prompt."""
    keys = KeyBindings()

    @keys.add(":", eager=True)
    def _(event: Any) -> None:
        event.app.exit(result=_COLON, style="class:aborting")

    @keys.add(Keys.ControlD, eager=True)
    def _(event: Any) -> None:
        event.app.exit(exception=EOFError, style="class:aborting")

    own = prompt.application.key_bindings
    prompt.application.key_bindings = merge_key_bindings([own, keys] if own else [keys])
