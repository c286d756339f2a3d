"""What a table of a format may say of a setting of it.

A table is a mapping from the setting's name (``lora.r``; an item of a list is ``[*]``) to one of these rules.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Read = Callable[[Any], Any]


@dataclass(frozen=True)
class To:
    """It is carried over: ``setting`` is a JSON pointer into a spec, or a name of :mod:`drafting`.

    ``read`` makes the value that is meant of the one that is written, and raises ValueError with what it has to be.
    ``said`` makes it a change, and says which. ``kinds`` are those that it has an effect in there; in others it has
    none.
    """

    setting: str
    read: Read | None = None
    said: str = ""
    kinds: frozenset[str] | None = None
    effect: bool = False


@dataclass(frozen=True)
class Lost:
    """There is nothing like it here. ``effect``: the result may differ. ``off`` are values that ask for nothing."""

    why: str
    do: str = ""
    effect: bool = True
    off: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Dead:
    """It has no effect in the other program either."""

    why: str


@dataclass(frozen=True)
class Refused:
    """Not safe: never done here. ``off`` are values that ask for nothing."""

    why: str
    do: str = ""


@dataclass(frozen=True)
class Secret:
    """A key or a token. ``variable`` is the environment's that has it."""

    variable: str


@dataclass(frozen=True)
class Decides:
    """It says what is trained and how: it became the spec's ``model_type``."""

    why: str = "it says which type of model this is"


Rule = To | Lost | Dead | Refused | Secret | Decides
Table = Mapping[str, Rule]


def each(names: str, rule: Rule) -> dict[str, Rule]:
    """The same rule for several names, written with blanks between them."""
    return dict.fromkeys(names.split(), rule)


def only(setting: str, kinds: str, read: Read | None = None, said: str = "") -> To:
    """A rule for a setting that only trainings of these kinds look at."""
    return To(setting, read, said, frozenset(kinds.split()))


def number(value: Any) -> int | float:
    """A number, also where YAML 1.1 read one such as ``2e-4`` as a text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("is no number")
    if isinstance(value, str):
        try:
            value = float(value.strip())
        except ValueError:
            raise ValueError("is no number") from None
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("is no finite number")
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def whole(value: Any) -> int:
    found = number(value)
    if not isinstance(found, int):
        raise ValueError("is no whole number")
    return found


def flag(value: Any) -> bool:
    """True or false, also as the words that YAML and command lines have for them."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().casefold()
    if word in ("true", "yes", "on", "1"):
        return True
    if word in ("false", "no", "off", "0", "none", "null"):
        return False
    raise ValueError("is neither true nor false")


def negated(value: Any) -> bool:
    return not flag(value)


def text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("is no text")
    return str(value)


def listed(value: Any) -> list[str]:
    """A list of words, which command lines write with commas or blanks, or as JSON."""
    if isinstance(value, str):
        stripped = value.strip()
        if stripped.startswith("["):
            stripped = stripped.strip("[]").replace("'", "").replace('"', "")
        value = [part for part in stripped.replace(",", " ").split() if part]
    if not isinstance(value, list) or not all(isinstance(part, str | int | float) for part in value):
        raise ValueError("is no list of words")
    return [str(part) for part in value]


def joined(value: Any) -> str:
    return value if isinstance(value, str) else ",".join(listed(value))


def word(words: Mapping[str, Any]) -> Read:
    """A reader of one of these words, whatever its case, as what it stands for."""

    def read(value: Any) -> Any:
        key = str(value).strip().casefold()
        if key not in words:
            raise ValueError(f"is none of {', '.join(words)}")
        return words[key]

    return read


def is_off(value: Any, more: Iterable[Any] = ()) -> bool:
    """Whether a value asks for nothing: null, false, nothing, or one of those that are given."""
    if value is None or value is False or value == "" or value == [] or value == {}:
        return True
    if isinstance(value, str) and value.strip().casefold() in ("false", "none", "null", "no"):
        return True
    return any(value == one or str(value) == str(one) for one in more)
