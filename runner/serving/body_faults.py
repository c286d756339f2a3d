"""What is wrong with a field of a body, in plain words: what it has to be, at its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from runner.serving.completions import Refusal

#: What a value of a field has to be, by what was found wrong with it.
KINDS = {
    "string_type": "a text",
    "string_unicode": "a text of whole characters",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}
#: The same of limits; the names are those of the fault's own facts.
LIMITS = {
    "greater_than_equal": "{ge} or more",
    "greater_than": "more than {gt}",
    "less_than_equal": "{le} or less",
    "less_than": "less than {lt}",
    "literal_error": "{expected}",
}
#: What a field may be that may be several things: pydantic names the one at fault behind the field.
MEMBERS = {
    "str": "a text",
    "list[str]": "a list of texts",
    "list[int]": "a list of token ids",
    "list[list[int]]": "a list of lists of token ids",
}


def fault_of(error: ValidationError) -> Refusal:
    """The first fault of a body, by its place."""
    faults = error.errors()
    fault = faults[0]
    path, members = fault["loc"], _members([each["loc"] for each in faults], fault["loc"])
    if members:
        path = path[:1]
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    if fault["type"] == "missing":
        return Refusal(400, f"{where} is missing", param=where, code="missing_field")
    if fault["type"] == "extra_forbidden":
        return Refusal(400, f"there is no field {where!r}: leave it out", param=where, code="unknown_field")
    name = where or "the body"
    said = f"{name} has to be {', or '.join(members)}" if members else _said(name, fault)
    return Refusal(400, said, param=where or None, code="invalid_value")


def _members(places: Sequence[tuple[Any, ...]], first: tuple[Any, ...]) -> list[str]:
    """What the field of the first fault may be, where it may be several things."""
    beside = [place for place in places if place[:1] == first[:1]]
    if len(first) < 2 or not all(len(place) > 1 and place[1] in MEMBERS for place in beside):
        return []
    return [MEMBERS[member] for member in dict.fromkeys(place[1] for place in beside)]


def _said(name: str, fault: Mapping[str, Any]) -> str:
    # A limit of a number is written as a person writes it: 1, and not 1.0.
    facts = {key: f"{fact:.15g}" if isinstance(fact, float) else fact for key, fact in fault.get("ctx", {}).items()}
    if (kind := KINDS.get(fault["type"])) is not None:
        return f"{name} has to be {kind}"
    if (limit := LIMITS.get(fault["type"])) is not None:
        return f"{name} has to be {limit.format(**facts)}"
    if fault["type"] == "too_short":
        return f"{name} is too short: {facts['min_length']} or more have to be in it"
    if fault["type"] == "too_long":
        return f"{name} is too long: {facts['max_length']} at most are in it"
    # A rule that a later field may have: said as it says it.
    return f"{name} is wrong: {fault['msg'][:1].lower()}{fault['msg'][1:]}"
