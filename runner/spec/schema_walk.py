"""Finding one's way in a JSON Schema next to a value: which branch of it speaks about the value."""

from __future__ import annotations

from typing import Any

from runner.spec import pointers

Schema = dict[str, Any]
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "integer": (int,),
    "number": (int, float),
}


def resolve(schema: Schema, root: Schema) -> Schema:
    """The schema behind ``$ref``, under what stands beside it."""
    while "$ref" in schema:
        target = pointers.get(root, schema["$ref"][1:])
        schema = target | {key: value for key, value in schema.items() if key != "$ref"}
    return schema


def has_type(value: Any, name: str) -> bool:
    """Whether a JSON value is of a JSON Schema type; true is no number."""
    return isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def present_words(schema: Schema) -> list[Any]:
    """The values of an enum that are no older spelling of another."""
    return [value for value in schema["enum"] if value not in schema.get("x-older-words", {})]


def branch(schema: Schema, root: Schema, value: Any) -> Schema:
    """The sub-schema that is meant for ``value``: a union's branch by its tag, or the only one of its type.

    Where that is not clear the schema itself comes back: a caller then finds no properties in it.
    """
    schema = resolve(schema, root)
    for union in ("oneOf", "anyOf"):
        if union not in schema:
            continue
        beside = {key: value for key, value in schema.items() if key not in (union, "discriminator")}
        if (tagged := tagged_branch(schema, value)) is not None:
            return branch(beside | tagged, root, value)
        fitting = [option for option in schema[union] if _may_be(resolve(option, root), root, value)]
        if len(fitting) == 1:
            return branch(beside | fitting[0], root, value)
        return schema
    return schema


def tagged_branch(schema: Schema, value: Any) -> Schema | None:
    """The ``$ref`` that the tag of ``value`` names, in a union with a discriminator."""
    tag = schema.get("discriminator")
    if not isinstance(tag, dict) or not isinstance(value, dict):
        return None
    name = value.get(tag["propertyName"])
    target = tag["mapping"].get(name) if isinstance(name, str) else None
    return None if target is None else {"$ref": target}


def properties(schema: Schema, root: Schema, value: dict[str, Any]) -> dict[str, Schema]:
    """The schemas of an object's members, with what an ``if`` adds for this very value."""
    schema = branch(schema, root, value)
    own = dict(schema.get("properties", {}))
    if "if" in schema:
        condition = schema["if"]
        met = all(name in value for name in condition["required"]) and all(
            has_type(value[name], wanted["type"]) for name, wanted in condition["properties"].items() if name in value
        )
        own |= schema.get("then" if met else "else", {}).get("properties", {})
    return own


def named_member(schema: Schema, root: Schema, value: dict[str, Any]) -> Schema | None:
    """The schema of an object's members whose names are the user's own, if it has one."""
    found = branch(schema, root, value).get("additionalProperties")
    return found if isinstance(found, dict) else None


def item(schema: Schema, root: Schema, value: list[Any], index: int) -> Schema | None:
    """The schema of one item of a list, if it has one."""
    schema = branch(schema, root, value)
    prefix = schema.get("prefixItems", [])
    found = prefix[index] if index < len(prefix) else schema.get("items")
    return found if isinstance(found, dict) else None


def _may_be(schema: Schema, root: Schema, value: Any) -> bool:
    if "const" in schema:
        return bool(schema["const"] == value and isinstance(schema["const"], bool) == isinstance(value, bool))
    if "enum" in schema:
        return isinstance(value, str) or value in schema["enum"]
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        return any(has_type(value, name) for name in names)
    if "oneOf" in schema or "anyOf" in schema:
        options = schema.get("oneOf") or schema["anyOf"]
        return any(_may_be(resolve(option, root), root, value) for option in options)
    return True
