"""Saying in words what a schema expects and what a document has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from runner.spec.schema_walk import Schema, present_words, resolve

_SECRET = re.compile(r"key|token|secret|passw|credential", re.IGNORECASE)
_PLURALS = {
    "the name of a column": "names of columns",
    "a whole number": "whole numbers",
    "a number": "numbers",
    "text": "texts",
    "an object": "objects",
    "true or false": "true or false",
}


def expected(schema: Schema, root: Schema) -> str:
    """What a schema asks for: ``a whole number, at least 1``."""
    schema = resolve(schema, root)
    if "x-expected" in schema:
        return str(schema["x-expected"])
    if "const" in schema:
        return json.dumps(schema["const"], ensure_ascii=False)
    if "enum" in schema:
        return choice([json.dumps(item, ensure_ascii=False) for item in present_words(schema)])
    for union in ("oneOf", "anyOf"):
        if union in schema:
            options = list(dict.fromkeys(_branch(option, root) for option in schema[union]))
            return "; or ".join(options) if any(", " in option for option in options) else choice(options)
    name = schema.get("type")
    if "minimum" in schema and schema["minimum"] == schema.get("maximum"):
        return str(schema["minimum"])
    if isinstance(name, list):
        return choice([expected(schema | {"type": one}, root) for one in name])
    if name == "array":
        return _list(schema, root)
    word = {
        "integer": "a whole number",
        "number": "a number",
        "string": "text",
        "boolean": "true or false",
        "null": "null",
        "object": "an object",
    }.get(str(name), "another value")
    return ", ".join([word, *_limits(schema)])


def _branch(option: Schema, root: Schema) -> str:
    """One of several that a value may be: an object that holds one thing is shown as it is written."""
    option = resolve(option, root)
    if len(fields := option.get("properties", {})) == 1 and option.get("required") == list(fields):
        ((name, field),) = fields.items()
        return f"{{{json.dumps(name)}: {expected(field, root).partition(', ')[0]}}}"
    return expected(option, root)


def choice(words: Iterable[str], most: int = 12) -> str:
    """``one of a, b, c``, cut where it is long."""
    words = list(words)
    if len(words) == 1:
        return words[0]
    if len(words) == 2:
        return f"{words[0]} or {words[1]}"
    return "one of " + ", ".join(words[:most]) + (", ..." if len(words) > most else "")


def found(text: str, name: str = "", schema: Schema | None = None) -> str:
    """A value as it was written, cut where it is long, and never one that may be a secret."""
    if (schema or {}).get("x-secret"):
        head, equals, _ = text.partition("=")
        return f'{head}=..."' if equals and len(head) < 60 else "something else (not shown: it may be a secret)"
    if text.startswith('"') and _SECRET.search(name):
        return "a value (not shown: it may be a secret)"
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."


def _list(schema: Schema, root: Schema) -> str:
    if "prefixItems" in schema:
        items = [expected(item, root) for item in schema["prefixItems"]]
        if len(set(items)) == 1:
            return f"a list of {len(items)}: each {items[0]}"
        return f"a list of {len(items)}: " + "; ".join(items)
    item = schema.get("items")
    words = ["a list"]
    if isinstance(item, dict) and item:
        name, *limits = expected(item, root).split(", ")
        words = [f"a list of {_PLURALS[name]}", *limits] if name in _PLURALS else [f"a list, of each: {name}", *limits]
    return ", ".join([*words, *_limits(schema)])


def _limits(schema: Schema) -> list[str]:
    def items(key: str, unit: str) -> str:
        count = schema[key]
        return f"{count} {unit}" if count == 1 else f"{count} {unit}s"

    words = []
    if "minimum" in schema:
        words.append(f"at least {schema['minimum']}")
    if "exclusiveMinimum" in schema:
        words.append(f"more than {schema['exclusiveMinimum']}")
    if "maximum" in schema:
        words.append(f"at most {schema['maximum']}")
    if "exclusiveMaximum" in schema:
        words.append(f"less than {schema['exclusiveMaximum']}")
    if "multipleOf" in schema:
        words.append(f"a multiple of {schema['multipleOf']}")
    if "minLength" in schema:
        words.append("not empty" if schema["minLength"] == 1 else f"at least {items('minLength', 'character')}")
    if "maxLength" in schema:
        words.append(f"at most {items('maxLength', 'character')}")
    if "pattern" in schema:
        words.append(f"of the form {schema['pattern']}")
    if "minItems" in schema:
        words.append(f"at least {items('minItems', 'item')}")
    if "maxItems" in schema:
        words.append(f"at most {items('maxItems', 'item')}")
    if "minProperties" in schema:
        words.append(f"at least {items('minProperties', 'field')}")
    if "maxProperties" in schema:
        words.append(f"at most {items('maxProperties', 'field')}")
    return words


def as_json(value: Any) -> str:
    """A value for a message."""
    return json.dumps(value, ensure_ascii=False)
