"""Older spellings: documents in the wild use them, everything behind this module sees the present ones."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from runner.spec import schema_walk
from runner.spec.pointers import Path
from runner.spec.schema_walk import Schema


@dataclass(frozen=True)
class Older:
    """One older spelling in a document: where it is written, the present name, and what the value is now.

    ``literal`` is the present value as JSON, for a spelling whose values had other names too; else None. ``meant`` is
    False for a value that this spelling never had. With ``is_value`` it is no key but a value, and ``present`` a word.
    """

    at: Path
    present: str
    literal: str | None = None
    meant: bool = True
    is_value: bool = False


def modernise(value: Any, schema: Schema) -> tuple[Any, list[Older]]:
    """The value with present spellings in place of older ones, and where those were. The value given is not changed."""
    found: list[Older] = []
    return _modern(value, schema, schema, (), found), found


def as_written(path: Path, older: list[Older]) -> Path:
    """The path in the document as it was written of a path in the modernised one."""
    written: Path = ()
    for part in path:
        name = next((o.at[-1] for o in older if not o.is_value and o.at[:-1] == written and o.present == part), part)
        written = (*written, name)
    return written


def _modern(value: Any, schema: Schema | None, root: Schema, path: Path, found: list[Older]) -> Any:
    if schema is None:
        return value
    if isinstance(value, str):
        words = schema_walk.branch(schema, root, value).get("x-older-words", {})
        if value in words:
            found.append(Older(path, words[value], is_value=True))
        return words.get(value, value)
    if isinstance(value, list):
        return [
            _modern(item, schema_walk.item(schema, root, value, index), root, (*path, index), found)
            for index, item in enumerate(value)
        ]
    if not isinstance(value, dict):
        return value
    properties = schema_walk.properties(schema, root, value)
    named = schema_walk.named_member(schema, root, value)
    result = {}
    for name, item in value.items():
        field = properties.get(name, named)
        present = str((field or {}).get("x-spelling-of", name))
        if present == name or field is None:
            result[present] = _modern(item, field, root, (*path, name), found)
            continue
        # In Python true is 1.
        kind = isinstance(item, bool)
        values = field.get("x-values", ())
        now = [now for was, now in values if was == item and isinstance(was, bool) == kind]
        literal = json.dumps(now[0]) if now else None
        found.append(Older((*path, name), present, literal, meant=bool(now) or not values))
        result[present] = now[0] if now else _modern(item, field, root, (*path, name), found)
    return result
