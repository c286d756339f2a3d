"""What type a field of a spec has, by its pointer and the kind's schema; and a value made that type."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from runner.interchange import rules
from runner.spec.json_schemas import schema_for
from runner.spec.pointers import split

Schema = dict[str, Any]


@lru_cache(maxsize=64)
def _schema(kind: str) -> Schema:
    return schema_for(kind)


def choices(kind: str, pointer: str) -> list[Schema]:
    """The schemas that a value at that place may have; none where the kind has no such field."""
    root = _schema(kind)
    here = [root]
    for name in split(pointer):
        here = [found for each in here for found in _members(each, name, root)]
    return [one for each in here for one in _spread(each, root)]


def has(kind: str, pointer: str) -> bool:
    return bool(choices(kind, pointer))


def _members(schema: Schema, name: str, root: Schema) -> list[Schema]:
    found = []
    for each in _spread(schema, root):
        field = each.get("properties", {}).get(name)
        if field is None:
            field = next(iter(each.get("patternProperties", {}).values()), None)
        if name == "spec" and "else" in each:
            field = {"$ref": "#/$defs/Spec"}
        if field is not None and not field.get("x-spelling-of"):
            found.append(field)
    return found


def _spread(schema: Schema, root: Schema) -> list[Schema]:
    """A schema without references and alternatives: all that it may be, but for null."""
    if "$ref" in schema:
        return _spread(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    parts = schema.get("oneOf") or schema.get("anyOf")
    if parts and "properties" not in schema:
        return [one for part in parts for one in _spread(part, root)]
    return [] if schema.get("type") == "null" else [schema]


def default(kind: str, pointer: str) -> Any:
    """The kind's own default of a field; None where it has none."""
    root: Any = _schema(kind)
    here = [root]
    found = None
    for name in split(pointer):
        if isinstance(found, dict) and name in found:
            found = found[name]
        else:
            below = [one for each in here for one in _members(each, name, root)]
            found = next((one["default"] for one in below if "default" in one), None)
        here = [one for each in here for one in _members(each, name, root)]
    return found


def typed(kind: str, pointer: str, value: Any) -> Any:
    """The value as the field's type has it: a number of a text, a list of one word. Raises ValueError for none."""
    kinds = choices(kind, pointer)
    if not kinds:
        raise ValueError("there is no such field")
    failed = "has another type here"
    for schema in kinds:
        if "const" in schema and value == schema["const"]:
            return value
    # What is wrong is told by what the field takes besides the one word, if there is such a thing.
    for schema in sorted(kinds, key=lambda schema: "const" not in schema):
        try:
            return _as(schema, value)
        except ValueError as error:
            failed = str(error)
    raise ValueError(failed)


def _as(schema: Schema, value: Any) -> Any:
    if "const" in schema:
        raise ValueError(f"is not {schema['const']!r}")
    if "enum" in schema:
        found = next((one for one in schema["enum"] if one == value or str(one) == str(value)), None)
        if found is None:
            raise ValueError(f"is none of {', '.join(map(str, schema['enum']))}")
        return found
    sort = schema.get("type")
    if sort == "integer":
        return rules.whole(value)
    if sort == "number":
        return rules.number(value)
    if sort == "boolean":
        return rules.flag(value)
    if sort == "array":
        items = schema.get("items", {}).get("type")
        given = rules.listed(value)
        return [rules.number(one) for one in given] if items in ("number", "integer") else given
    if sort == "object":
        if isinstance(value, dict):
            return value
        raise ValueError("is no mapping")
    return rules.text(value)
