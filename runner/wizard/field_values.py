"""A typed line as the value of a field, by what its schema takes; and what is wrong with a value, in one sentence."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from runner.spec.schema_walk import has_type, present_words, resolve

Schema = dict[str, Any]


def branches(schema: Schema, root: Schema) -> list[Schema]:
    """The alternatives of a schema, each resolved; of one without alternatives itself."""
    schema = resolve(schema, root)
    options = schema.get("oneOf") or schema.get("anyOf")
    if not options or not all(isinstance(option, dict) and _describes(option) for option in options):
        return [schema]
    return [found for option in options for found in branches(option, root)]


def _describes(option: Schema) -> bool:
    """Whether an alternative is one of value, and not a rule on which keys may be there together."""
    return any(key in option for key in ("$ref", "type", "enum", "const", "oneOf", "anyOf"))


def words(schema: Schema, root: Schema) -> list[Any]:
    """The values that a schema names: its enums and constants, null not among them."""
    found: list[Any] = []
    for option in branches(schema, root):
        if "enum" in option:
            found += [word for word in present_words(option) if word is not None]
        elif "const" in option and option["const"] is not None:
            found.append(option["const"])
    return found


def takes_null(schema: Schema, root: Schema) -> bool:
    """Whether the field may be null."""
    return any(option.get("type") == "null" for option in branches(schema, root))


def open_branches(schema: Schema, root: Schema) -> list[Schema]:
    """The alternatives that are no named values and not null."""
    return [
        option
        for option in branches(schema, root)
        if "enum" not in option and "const" not in option and option.get("type") != "null"
    ]


def value_of(text: str, schema: Schema, root: Schema) -> Any:
    """The value that a typed text is. Raises ValueError with what the field takes."""
    for word in words(schema, root):
        if text == (word if isinstance(word, str) else json.dumps(word)):
            return word
    if text.lower() in ("null", "none") and takes_null(schema, root):
        return None
    options = open_branches(schema, root)
    if text.startswith("["):
        # A list is meant, where the field takes one as well as a text.
        options.sort(key=lambda option: option.get("type") != "array")
    for option in options:
        try:
            return _of_type(text, option, root)
        except ValueError:
            continue
    raise ValueError(f"{text!r} is not {expected(schema, root)}")


def _of_type(text: str, schema: Schema, root: Schema) -> Any:
    kind = schema.get("type")
    if kind == "boolean":
        if text.lower() in ("yes", "y", "true"):
            return True
        if text.lower() in ("no", "n", "false"):
            return False
        raise ValueError(text)
    if kind == "integer":
        return int(text.replace("_", "").replace(",", ""))
    if kind == "number":
        number = float(text.replace("_", ""))
        if not math.isfinite(number):
            raise ValueError(text)
        return int(number) if number.is_integer() and re.fullmatch(r"[+-]?\d+", text) else number
    if kind == "array":
        if text.startswith("["):
            return json.loads(text)
        items = [] if text.lower() in ("none", "null") else [part.strip() for part in text.split(",")]
        each = schema.get("items", {})
        prefix = schema.get("prefixItems", [])
        return [value_of(part, prefix[at] if at < len(prefix) else each, root) for at, part in enumerate(items) if part]
    if kind == "object":
        return _object(text, schema, root)
    if kind == "string":
        return text
    return _anything(text)


def _object(text: str, schema: Schema, root: Schema) -> dict[str, Any]:
    """``{"a": 1}``, or ``a=1, b=2``."""
    if text.startswith("{"):
        found = json.loads(text)
        if not isinstance(found, dict):
            raise ValueError(text)
        return found
    inside = schema.get("additionalProperties")
    found = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if not equals:
            raise ValueError(text)
        known = schema.get("properties", {}).get(name.strip(), inside if isinstance(inside, dict) else {})
        found[name.strip()] = value_of(value.strip(), known, root)
    return found


def _anything(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def fault(value: Any, schema: Schema, root: Schema) -> str | None:
    """What is wrong with a value of one field by itself, or None. What fields say together is not looked at."""
    options = branches(schema, root)
    faults = [_fault(value, option, root) for option in options]
    if not faults or None in faults:
        return None
    # Of the alternatives that have its type, one is the one that was meant.
    of_type = [
        found for found, option in zip(faults, options, strict=True) if "type" in option and _typed(value, option)
    ]
    told = of_type[0] if len(of_type) == 1 and of_type[0] else f"it takes {expected(schema, root)}"
    return f"{json.dumps(value, ensure_ascii=False)}: {told}"


def _typed(value: Any, schema: Schema) -> bool:
    return "enum" not in schema and "const" not in schema and has_type(value, schema["type"])


def _fault(value: Any, schema: Schema, root: Schema) -> str | None:
    told = f"it takes {expected(schema, root)}"
    if "enum" in schema:
        return None if value in schema["enum"] else told
    if "const" in schema:
        return (
            None if value == schema["const"] and isinstance(value, bool) == isinstance(schema["const"], bool) else told
        )
    kind = schema.get("type")
    if not isinstance(kind, str):
        return None
    if not has_type(value, kind):
        return told
    if kind in ("integer", "number"):
        low, high = schema.get("minimum"), schema.get("maximum")
        above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
        outside = (
            (low is not None and value < low)
            or (high is not None and value > high)
            or (above is not None and value <= above)
            or (below is not None and value >= below)
        )
        return told if outside else None
    if kind == "string":
        long = len(value) > schema.get("maxLength", math.inf) or len(value) < schema.get("minLength", 0)
        pattern = schema.get("pattern")
        return told if long or (pattern is not None and not _matches(pattern, value)) else None
    if kind == "array":
        count = len(value)
        if count < schema.get("minItems", 0) or count > schema.get("maxItems", math.inf):
            return told
        prefix = schema.get("prefixItems", [])
        for at, item in enumerate(value):
            inner = prefix[at] if at < len(prefix) else schema.get("items")
            if isinstance(inner, dict) and (wrong := fault(item, inner, root)):
                return wrong
    return None


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:
        return True  # A pattern of another dialect is left to the spec's own check.


def expected(schema: Schema, root: Schema) -> str:
    """What a field takes, in words: "a whole number, at least 1"."""
    found = []
    named = words(schema, root)
    if named:
        found.append(", ".join(word if isinstance(word, str) else json.dumps(word) for word in named))
    found += [_expected(option, root) for option in open_branches(schema, root)]
    if takes_null(schema, root):
        found.append("none")
    return " or ".join(dict.fromkeys(found)) or "any value"


def _expected(schema: Schema, root: Schema) -> str:
    if "x-expected" in schema:
        return str(schema["x-expected"])
    kind = schema.get("type")
    if kind in ("integer", "number"):
        return _number("a whole number" if kind == "integer" else "a number", schema)
    if kind == "array":
        prefix = schema.get("prefixItems")
        if prefix:
            return f"{len(prefix)} values with commas: " + ", ".join(expected(item, root) for item in prefix)
        return f"a list with commas, each {expected(schema.get('items', {}), root)}"
    if kind == "object":
        return 'an object: {"name": value}'
    return {"boolean": "yes or no", "string": "a text"}.get(str(kind), "any value")


def _number(noun: str, schema: Schema) -> str:
    bounds = [
        f"{words} {schema[key]}"
        for key, words in (
            ("minimum", "at least"),
            ("exclusiveMinimum", "above"),
            ("maximum", "at most"),
            ("exclusiveMaximum", "below"),
        )
        if schema.get(key) is not None
    ]
    return ", ".join([noun, *bounds])
