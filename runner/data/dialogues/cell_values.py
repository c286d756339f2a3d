"""What a cell holds: a text, a list in JSON, or nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from runner.data.dialogues.row_faults import RowFault, Told
from runner.data.invisible_text import is_blank
from runner.data.records.json_lines import HALF, usable


def missing(value: Any) -> bool:
    """Whether there is nothing: null, or the NaN that a table writes for it. An empty text is there."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def nothing(value: Any) -> bool:
    """The same of a cell that may be left out: blank texts and empty lists are nothing too."""
    return missing(value) or (isinstance(value, str) and is_blank(value)) or value == [] or value == {}


def kind(value: Any) -> str:
    """What a value is, in the words of JSON."""
    if isinstance(value, bool):
        return str(value).lower()
    names = {int: "a number", float: "a number", str: "a text", list: "a list", dict: "an object"}
    return "nothing" if missing(value) else names.get(type(value), type(value).__name__)


def text_of(value: Any, told: Told, reason: str, what: str) -> str:
    """A cell's text; a number's digits, which is told. Raises :class:`RowFault` for what is no text."""
    if isinstance(value, str):
        return value
    if missing(value):
        raise RowFault(f"missing_{what}", f"{what} is not there")
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        told.changed.add("number_as_text")
        return json.dumps(value)
    hint = "write it as a JSON string" if isinstance(value, dict) else "only one text can be learned"
    raise RowFault(reason, f"{what} is {kind(value)}: {hint}")


def structure(value: Any) -> Any:
    """A list or an object as it is, or out of its JSON text; any other value as it stands.

    Raises :class:`RowFault` for JSON text with half a character in it.
    """
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            return value
        if isinstance(usable({"": found}, value), str):
            raise RowFault(HALF, "half a character is in JSON text within the row")
        return found if isinstance(found, list | dict) else value
    return value


def without_nulls(value: Any) -> Any:
    """The same without keys of null: Arrow gives every object of a column the keys of all of them.

    A text stays what it is.
    """
    if isinstance(value, Mapping):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value
