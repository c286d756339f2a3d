"""The check of a document against its JSON schema: jsonschema finds what is wrong, this module says what it means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any

from runner import near_names
from runner.spec import fault_messages, pointers, schema_walk
from runner.spec.findings import Finding, find, written
from runner.spec.pointers import Path
from runner.spec.reader import Document
from runner.spec.schema_walk import Schema

#: Enough to mend a document by; a list of a million wrong items is not told a million times.
MOST_FAULTS = 100
_BOUNDS = {
    "minimum": "too small",
    "exclusiveMinimum": "too small",
    "maximum": "too large",
    "exclusiveMaximum": "too large",
    "minLength": "too short",
    "maxLength": "too long",
    "minItems": "too few items",
    "maxItems": "too many items",
    "minProperties": "too few fields",
    "maxProperties": "too many fields",
    "multipleOf": "not a multiple",
    "uniqueItems": "an item is there twice",
    "pattern": "not in this form",
}


def check(document: Document, value: Any, schema: Schema) -> list[Finding]:
    """Everything in ``value`` (the document's, or the document's with flags in it) that ``schema`` does not allow."""
    checker = _Checker(document, value, schema)
    errors = _validator_class()(schema).iter_errors(value)
    return list(islice((finding for error in errors for finding in checker.explain(error)), MOST_FAULTS))


class _Checker:
    def __init__(self, document: Document, value: Any, root: Schema) -> None:
        self.document, self.value, self.root = document, value, root

    def explain(self, error: Any) -> Iterator[Finding]:
        """One or more findings of one of jsonschema's errors."""
        path: Path = tuple(error.absolute_path)
        word, schema, value = error.validator, error.schema, error.instance
        if word == "additionalProperties":
            yield from self.unknown(schema, value, path)
        elif word == "required":
            for name in error.validator_value:
                if name not in value and error.message.startswith(repr(name)):
                    yield self.missing(schema, name, path)
        elif word == "not":
            yield self.both(error.validator_value["required"], schema.get("x-spelling-of"), path)
        elif word in ("oneOf", "anyOf"):
            yield from self.union(error, path)
        elif word == "type":
            yield self.wrong("type", "wrong type", path, schema)
        elif word in ("enum", "const"):
            # A value of another type than the allowed ones is told by its type already.
            if "type" not in schema or _validator_class()({"type": schema["type"]}).is_valid(value):
                yield self.not_allowed(schema, value, path)
        else:
            yield self.wrong("bound", _BOUNDS.get(str(word), f"not allowed: {word}"), path, schema)

    def unknown(self, schema: Schema, value: dict[str, Any], path: Path) -> Iterator[Finding]:
        known = schema_walk.properties(schema, self.root, value)
        expected = fault_messages.choice(name for name, field in known.items() if not field.get("deprecated"))
        for name in value:
            if name in known:
                continue
            found = written(self.document, (*path, name))
            if name in schema.get("x-elsewhere", {}):
                hint = f"did you mean {schema['x-elsewhere'][name]}?"
                yield find(self.document, (*path, name), "unknown", "unknown field", on_key=True, expected=expected,
                           found=found, hint=hint)  # fmt: skip
                continue
            if not known and "patternProperties" in schema:
                # Names are the writer's own, and this is no name.
                form = " or ".join(f"a name of the form {pattern}" for pattern in schema["patternProperties"])
                yield find(self.document, (*path, name), "unknown", "no name for a field", on_key=True, expected=form,
                           found=fault_messages.as_json(name))  # fmt: skip
                continue
            near = near_names.nearest(name, known)
            if not path and name in self.of_model():
                yield find(self.document, (name,), "unknown", "unknown field", on_key=True, expected=expected,
                           found=found, hint=f"it belongs in the model's spec: /model/spec/{name}")  # fmt: skip
                continue
            meant = known[near].get("x-spelling-of", near) if near else None
            sure = near_names.unmistakable(name, known)
            yield find(self.document, (*path, name), "unknown", "unknown field", on_key=True, expected=expected,
                       found=found, meant=meant, sure=sure)  # fmt: skip

    def of_model(self) -> dict[str, Schema]:
        """The fields of the model's spec, where the document says of which kind it is."""
        found, schema = self.value, self.root
        for name in ("model", "spec"):
            schema = schema_walk.properties(schema, self.root, found).get(name, {})
            found = found.get(name)
            if not isinstance(found, dict):
                return {}
        return schema_walk.properties(schema, self.root, found)

    def missing(self, schema: Schema, name: str, path: Path) -> Finding:
        if path == ("model",) and name == "spec":
            return not_described(self.document)
        value = pointers.get(self.value, pointers.join(path))
        field = schema_walk.properties(schema, self.root, value).get(name)
        tag = schema.get("discriminator", {})
        expected = fault_messages.expected(field, self.root) if field else None
        if tag.get("propertyName") == name:
            expected = fault_messages.choice(map(fault_messages.as_json, tag["mapping"]))
        return find(self.document, (*path, name), "missing", f"`{name}` is missing", shown=path, expected=expected)

    def both(self, names: list[str], present: str | None, path: Path) -> Finding:
        other, older = names
        message = f"an older spelling of `{present or other}`, which is there too"
        if present is not None:
            message = f"an older spelling of `{present}`, as `{other}` is, which is there too"
        hint = f'take one of them out: "{present or other}" is the present spelling'
        return find(self.document, (*path, older), "both", message, on_key=True, hint=hint)

    def union(self, error: Any, path: Path) -> Iterator[Finding]:
        schema, value, options = error.schema, error.instance, error.validator_value
        if all(set(option) == {"required"} for option in options):
            yield self.missing(schema, options[0]["required"][0], path)
            return
        tag = schema.get("discriminator")
        if tag is not None and isinstance(value, dict):
            name = tag["propertyName"]
            chosen = schema_walk.tagged_branch(schema, value)
            # Where the tag itself is missing, `required` beside the union says so.
            if chosen is None and name in value:
                yield self.not_allowed({"enum": list(tag["mapping"])}, value[name], (*path, name))
            if chosen is None:
                return
            fitting = [index for index, option in enumerate(options) if option == chosen]
        else:
            # A branch is meant if the value itself is of its type, whatever is wrong deeper inside.
            astray = {c.schema_path[0] for c in error.context or () if not c.path and c.validator in ("type", "const")}
            fitting = [index for index in range(len(options)) if index not in astray]
        if len(fitting) != 1:
            allowed = [word for option in options for word in schema_walk.resolve(option, self.root).get("enum", ())]
            words = [word for word in allowed if isinstance(word, str)]
            near = near_names.nearest(value, words) if isinstance(value, str) else None
            yield self.wrong("type", "not one of the allowed values", path, schema, meant=near)
            return
        for child in error.context or ():
            if child.schema_path[0] != fitting[0]:
                continue
            if child.validator in ("enum", "const") and not child.path:
                # The words of its own branch are not all that it may be.
                yield self.not_allowed(child.schema, value, path, among=schema)
            else:
                yield from self.explain(child)

    def not_allowed(self, schema: Schema, value: Any, path: Path, among: Schema | None = None) -> Finding:
        """A word that is none of the allowed ones. ``among``: a union that allows more than these words."""
        allowed = schema["enum"] if "enum" in schema else [schema["const"]]
        words = [word for word in allowed if isinstance(word, str)]
        if not isinstance(value, str) and len(words) == len(allowed):
            return self.wrong("type", "wrong type", path, schema)
        near = near_names.nearest(value, words) if isinstance(value, str) else None
        meant = schema.get("x-older-words", {}).get(near, near)
        expected, found = fault_messages.expected(among or schema, self.root), written(self.document, path, schema)
        sure = near is not None and near_names.unmistakable(value, words)
        return find(
            self.document, path, "choice", "unknown value", expected=expected, found=found, meant=meant, sure=sure
        )

    def wrong(self, sort: str, message: str, path: Path, schema: Schema, meant: str | None = None) -> Finding:
        expected, found = fault_messages.expected(schema, self.root), written(self.document, path, schema)
        return find(self.document, path, sort, message, expected=expected, found=found, schema=schema, meant=meant)


def not_described(document: Document) -> Finding:
    """The fault of a model with neither a spec nor a stored model to start from."""
    ways = '"spec", to train a new model, or "start_state", to start from a stored one'
    return find(document, ("model", "spec"), "missing", "the model is not described", shown=("model",),
                expected=ways, found="neither")  # fmt: skip


@cache
def _validator_class() -> Any:
    # Imported here: a document whose text is not JSON does not pay for it.
    from jsonschema.exceptions import ValidationError
    from jsonschema.validators import Draft202012Validator, extend

    def pattern(_: Any, wanted: str, instance: Any, __: Schema) -> Iterator[Any]:
        if isinstance(instance, str) and not _regex(wanted).search(instance):
            yield ValidationError(f"{instance!r} does not match {wanted!r}")

    return extend(Draft202012Validator, {"pattern": pattern})


@cache
def _regex(pattern: str) -> re.Pattern[str]:
    """ECMA's reading of a pattern: `$` is the end of the text only, where Python's is also before a last newline."""
    whole = re.sub(r"\\.|\[(?:\\.|[^\]])*\]|\$", lambda part: r"\Z" if part.group() == "$" else part.group(), pattern)
    return re.compile(whole)
