"""The answers of the wizard for supervised fine-tuning: which may be given, and what is wrong with one."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from runner.chat.endpoints.addresses import fault_of as address_fault
from runner.errors import UsageError
from runner.store.names import name_fault
from runner.wizard.prompt_interface import Question
from runner.workspace import absolute

#: Names that say nothing of what a run is for.
EMPTY_NAMES = ("run", "test", "model", "my-model", "untitled", "foo", "asdf")
VALUES = {
    "epochs": "how often all rows are gone through",
    "batch_size": "rows of a step",
    "learning_rate": "the highest learning rate",
    "schedule": "how it falls: linear, cosine, constant",
    "warmup_ratio": "the share of the steps in which it rises",
    "max_length": "tokens of a row that are read",
}


#: Answers that may be given.
KEYS = {
    "scenario", "file", "own_file", "bad_lines", "conversations", "teacher", "base_url", "key_env", "prompts",
    "base_model", "project", "run_name", "wandb", "values", "spec", "script", "run", "watch_seconds", *VALUES,
}  # fmt: skip
#: The words for the wizard that do something here.
WORDS = {
    "back": ":back   the question before",
    "help": ":help   what is asked, and these words",
    "why": ":why    where the answer in brackets comes from",
    "show": ":show   the answers so far",
    "quit": ":quit   leave; nothing is started",
}
#: Where the answers in brackets come from.
WHENCE = {
    "base_model": "the first of the list that is on this machine, or else the first",
    "project": "the name of those who type none of their own",
    **dict.fromkeys(("values", *VALUES), "it is made of how many rows there are and how long they are"),
    **dict.fromkeys(("spec", "script"), "a name of which there is no file yet"),
}
#: Those of them that are yes or no.
FLAGS = ("run", "wandb")


def given_of(pairs: Sequence[str]) -> dict[str, Any]:
    """Answers that were typed as ``KEY=VALUE``: ``run=no``, ``epochs=3``, ``prompts=prompts.txt``.

    ``conversations`` is JSON: a list of lists of turns. Raises :class:`UsageError` for what is no such pair.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise UsageError(f"{pair!r} is no KEY=VALUE", hint="such as epochs=3")
        found[key] = text
        if key in FLAGS:
            if text.lower() not in ("yes", "no", "true", "false"):
                raise UsageError(f"{text!r} is neither yes nor no", where=key)
            found[key] = text.lower() in ("yes", "true")
        elif key == "conversations":
            try:
                found[key] = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise UsageError(f"is no JSON: {error}", where=key) from None
        elif key == "key_env":
            found[key] = text or None
    return found


def said(answer: Any) -> str | None:
    return None if isinstance(answer, str) and answer.strip() else "says nothing"


def path_fault(answer: Any) -> str | None:
    if not isinstance(answer, str) or not answer.strip():
        return "names no file"
    return "has a control character" if any(ord(letter) < 32 for letter in answer) else None


def address_check(keyed: bool) -> Callable[[Any], str | None]:
    return lambda answer: address_fault(answer, keyed=keyed) if isinstance(answer, str) else "is no address"


def variable_fault(answer: Any) -> str | None:
    if answer in (None, ""):
        return None
    if not isinstance(answer, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,127}", answer):
        return "is no variable's name; the key itself is never asked for"
    return None


def project_fault(answer: Any) -> str | None:
    if not isinstance(answer, str) or not re.fullmatch(r"[^/\\#?%:\x00-\x1f]{1,128}", answer):
        return "is 1 to 128 characters, none of / \\ # ? % :"
    return None


def run_fault(answer: Any) -> str | None:
    if not isinstance(answer, str):
        return "is no name"
    if fault := name_fault(answer):
        return f"{fault}: a name is one word of letters, digits and dashes, such as math-tutor-001"
    return "says nothing of what it is for" if answer.lower() in EMPTY_NAMES else None


def number_of(answer: Any) -> float | None:
    """A number, also where it was typed; None for anything else."""
    if isinstance(answer, bool):
        return None
    try:
        found = float(answer)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def number_fault(name: str) -> Callable[[Any], str | None]:
    def fault(answered: Any) -> str | None:
        answer = number_of(answered)
        if answer is None:
            return "is no number"
        if name in ("epochs", "batch_size", "max_length") and (answer != int(answer) or answer < 1):
            return f"{name} is a whole number, at least 1"
        if name == "max_length" and answer < 8:
            return "max_length is at least 8"
        if name == "learning_rate" and not 0 < answer < 1:
            return "the learning rate is above 0 and below 1"
        if name == "warmup_ratio" and not 0 <= answer <= 1:
            return "the share is from 0 to 1"
        return None

    return fault


def free_path(path: Path) -> Path:
    """The path, or one with a number where that is taken."""
    number, found = 1, path
    while found.exists():
        number += 1
        found = path.with_name(f"{path.stem}_{number}{path.suffix}")
    return found


def why(question: Question, kept: Mapping[str, Any]) -> str:
    """Where the answer in brackets comes from; ``kept`` are the answers so far."""
    if question.default is None:
        return "there is no answer in brackets here"
    if question.key in kept:
        return "it is what you answered before"
    return question.why or WHENCE.get(question.key, "it is what most begin with")


def new_file_fault(ending: str, folder: Path) -> Callable[[Any], str | None]:
    def fault(answer: Any) -> str | None:
        if (told := path_fault(answer)) is not None:
            return told
        if not answer.endswith(ending):
            return f"ends in {ending}"
        place = absolute(answer, folder)
        if place.exists():
            return "is there already: name another"
        return None if place.parent.is_dir() else "is in a folder that is not there"

    return fault
