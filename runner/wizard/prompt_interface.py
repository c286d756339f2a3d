"""A question and its choices, the commands of any prompt, and :class:`Asker`, which whatever draws prompts is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from runner import near_names

Shape = Literal["text", "number", "yes_no", "choice", "several", "path", "secret"]

#: The words for the wizard, each with what it does, in the order that ``:help`` tells them.
COMMANDS = {
    "back": ":back            the question before; :back STEP goes to that step (:back data)",
    "help": ":help            what is asked, and these words",
    "why": ":why             where the answer in brackets comes from",
    "show": ":show            the spec so far",
    "set": ":set KEY=VALUE   a field by its name or pointer, now: :set epochs=3",
    "save": ":save [FILE]     keep the answers now; with FILE, write the spec so far there",
    "quit": ":quit            keep the answers and leave; nothing is started",
}


@dataclass(frozen=True)
class Choice:
    """One of the answers that a question offers."""

    value: Any
    title: str
    #: What a person should know to choose it, on the same line.
    note: str = ""


def _as_it_is(typed: str) -> Any:
    return typed


def _nothing_wrong(answer: Any) -> str | None:
    return None


@dataclass(frozen=True)
class Question:
    """One question.

    Args:
        key: the JSON pointer of the field that the answer goes to, or a name of the wizard's own ("family").
        shape: a choice has one of ``choices`` for its answer, "several" a list of them.
        default: what Enter alone answers; None where there is nothing sensible, and then Enter is asked again unless
            ``optional``.
        help: what the field is, as its schema says it.
        why: where the default comes from: "5,574 rows were found, and ...".
        check: says what is wrong with an answer, in one sentence; None where it is right.
        free: a choice may also be answered with a text that is not among the choices.
        read: makes an answer of what was typed; raises ValueError with what is expected.
        guessed: the default is offered to a person, and not taken where nobody is asked.
        said: that the default is taken is said where nobody is asked.
    """

    key: str
    text: str
    shape: Shape = "text"
    default: Any = None
    choices: Sequence[Choice] = field(default=())
    help: str = ""
    why: str = ""
    optional: bool = False
    free: bool = False
    check: Callable[[Any], str | None] = _nothing_wrong
    read: Callable[[str], Any] = _as_it_is
    guessed: bool = False
    said: bool = False


class Asker(Protocol):
    """Draws prompts and reads answers: with arrow keys on a capable terminal, by numbers on any other."""

    def ask(self, question: Question) -> Any:
        """The answer, checked and of the question's shape; None for an optional one that was passed over.

        Raises :class:`Command` for a word that is for the wizard ("back"), ``Interrupted`` at Ctrl-C or the end of
        input, and :class:`Unanswered` where nobody is there to answer.
        """
        ...

    def say(self, text: str) -> None:
        """Show lines between two questions."""
        ...


class Command(Exception):
    """A person typed a word for the wizard at a prompt: ``:back``, ``:show``, ``:set key=value``."""

    def __init__(self, name: str, words: str = "") -> None:
        super().__init__(name)
        self.name = name
        self.words = words


class Unanswered(Exception):
    """Nobody is asked, and the question has no default to take."""


class NotAnAnswer(ValueError):
    """What was typed answers nothing; the message says what would."""


def answer_of(question: Question, typed: str) -> Any:
    """The answer that a typed line is. Raises :class:`Command` for a word for the wizard, and :class:`NotAnAnswer`.

    An empty line is the default. A text that begins with a colon and is no command is typed with two: ``::text``.
    """
    text = typed.strip()
    if question.shape == "secret":
        return text or None
    if text.startswith("::"):
        text = text[1:]
    elif text.startswith(":") and text[1:2].isalpha():
        raise _command(text)
    if not text:
        if question.default is None and not question.optional:
            raise NotAnAnswer("an answer is needed here: there is no default")
        return question.default
    try:
        answer = _READERS.get(question.shape, _read)(question, text)
    except NotAnAnswer:
        raise
    except ValueError as error:
        raise NotAnAnswer(str(error)) from None
    return checked(question, answer)


def checked(question: Question, answer: Any) -> Any:
    """The answer itself. Raises :class:`NotAnAnswer` with what the question finds wrong with it."""
    wrong = None if answer is None and question.optional else question.check(answer)
    if wrong is not None:
        raise NotAnAnswer(wrong)
    return answer


def shown(value: Any) -> str:
    """An answer as a person would type it."""
    import json

    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and value and not any(isinstance(item, list | dict) for item in value):
        return ", ".join(map(shown, value))
    if value is None or value == []:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def title_of(question: Question, value: Any) -> str:
    """A default as it is offered: the title of its choice."""
    titles = [
        choice.title for choice in question.choices if choice.value == value and type(choice.value) is type(value)
    ]
    return titles[0] if titles else shown(value)


def _command(text: str) -> Command:
    name, _, words = text[1:].partition(" ")
    name = {"b": "back", "h": "help", "q": "quit", "exit": "quit", "goto": "back"}.get(name.lower(), name.lower())
    if name not in COMMANDS:
        # It stands on one line of the terminal, however narrow that is.
        near = near_names.hint(name, COMMANDS, ":help lists them")
        raise NotAnAnswer(f"there is no :{name} here: {near}")
    return Command(name, words.strip())


def _read(question: Question, text: str) -> Any:
    return question.read(text)


def _yes_no(question: Question, text: str) -> bool:
    word = text.lower()
    if word in ("y", "yes", "true", "1"):
        return True
    if word in ("n", "no", "false", "0"):
        return False
    raise NotAnAnswer("yes or no (y, n)")


def _choice(question: Question, text: str) -> Any:
    choices = question.choices
    for choice in choices:
        if text in (choice.title, shown(choice.value)):
            return choice.value
    if text.isascii() and text.isdigit():
        if 1 <= int(text) <= len(choices):
            return choices[int(text) - 1].value
        if not question.free:
            raise NotAnAnswer(f"a number from 1 to {len(choices)}, or a name of the list")
    folded = [choice for choice in choices if choice.title.casefold() == text.casefold()]
    if len(folded) == 1:
        return folded[0].value
    if question.free:
        return question.read(text)
    titles = [choice.title for choice in choices]
    near = near_names.hint(text, titles, f"a number from 1 to {len(choices)}, or a name of the list")
    raise NotAnAnswer(f"{text!r} is not in the list: {near}")


def _several(question: Question, text: str) -> list[Any]:
    if text.lower() in ("none", "null"):
        return []
    parts = [part.strip() for part in text.split(",")]
    return [_choice(question, part) for part in parts if part]


def _path(question: Question, text: str) -> Any:
    for quote in "'\"":
        if len(text) > 1 and text[0] == text[-1] == quote:
            text = text[1:-1]
    return question.read(text)


_READERS: dict[str, Callable[[Question, str], Any]] = {
    "yes_no": _yes_no,
    "choice": _choice,
    "several": _several,
    "path": _path,
}
