"""What is asked, and what may be answered at any prompt. Who draws the prompt is an :class:`Asker`'s matter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Shape = Literal["text", "number", "yes_no", "choice", "several", "path", "secret"]


@dataclass(frozen=True)
class Choice:
    """One of the answers that a question offers."""

    value: Any
    title: str
    #: What a person should know to choose it, on the same line.
    note: str = ""


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
    check: Callable[[Any], str | None] = lambda answer: None


class Asker(Protocol):
    """Draws prompts and reads answers: with arrow keys on a capable terminal, by numbers on any other."""

    def ask(self, question: Question) -> Any:
        """The answer, checked and of the question's shape; None for an optional one that was passed over.

        Raises :class:`Command` for a word that is for the wizard ("back"), and ``Interrupted`` at Ctrl-C or the end
        of input.
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
