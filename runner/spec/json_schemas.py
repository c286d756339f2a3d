"""The published JSON Schemas (2020-12): what they say is what is enforced.

One schema a kind, and their union. Documents are checked against one kind's schema, never the union, whose best match
would blame the wrong branch.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from copy import deepcopy
from functools import cache
from importlib import import_module
from itertools import combinations
from pathlib import Path
from threading import RLock
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, NoDefault

from runner import registry
from runner.spec.envelope import TrainingSpec
from runner.spec.kinds import document_class

DIALECT = "https://json-schema.org/draft/2020-12/schema"
UNION = "training-spec.json"
#: The schema of task files, which `runner evaluate` reads.
EVALUATION_TASK = "evaluation-task"
#: Documents that are no training specs, and the functions that give their schemas: some are of rooms above this one.
OTHERS = {
    EVALUATION_TASK: "runner.spec.json_schemas:evaluation_task",
    "backends": "runner.spec.json_schemas:backends",
    "pipeline": "runner.pipeline.document:schema",
    "batch": "runner.pipeline.batches.batch_document:schema",
    "sweep": "runner.sweeps.sweep_reading:sweep_schema",
}
Schema = dict[str, Any]
#: Who asks for a schema while another thread makes it waits for that one, and does not make it a second time.
_MAKING = RLock()


class _Generator(GenerateJsonSchema):
    """pydantic's own, which also tells the defaults that a factory makes."""

    def get_default_value(self, schema: Any) -> Any:
        if "default_factory" in schema and not schema.get("default_factory_takes_data"):
            return schema["default_factory"]()
        return schema.get("default", NoDefault)


def schema_for(kind: str) -> Schema:
    """The schema of documents that train ``kind``. Raises NotFoundError for a kind that does not exist."""
    with _MAKING:
        return _schema_for(kind)


@cache
def _schema_for(kind: str) -> Schema:
    schema = _generate(document_class(kind), kind)
    model = schema["$defs"]["ModelSection"]
    own = _without_null(model["properties"]["spec"])
    model["properties"]["spec"] = {"description": own.pop("description"), "title": "Spec"}
    # With a stored model to start from, `spec` is ignored: anything may stand there. Without, it is the kind's own.
    model |= {"if": _starts_from_model(), "else": {"required": ["spec"], "properties": {"spec": own}}}
    return schema


@cache
def envelope() -> Schema:
    """The schema of what every document has in common. It is all that can be checked before the kind is known."""
    return _generate(TrainingSpec, "envelope")


@cache
def evaluation_task() -> Schema:
    """The schema of a task file."""
    # Imported here: a spec's schema is built without the sections of tasks.
    from runner.tasks.generation.evaluation_sections import EvaluationTask

    return _generate(EvaluationTask, EVALUATION_TASK, "Evaluation task")


@cache
def backends() -> Schema:
    """The schema of the files that say what answers for each LLM of a router, which `runner serve` reads."""
    from runner.tasks.ranking.backend_sections import Backends

    return _generate(Backends, "backends", "Backends")


@cache
def other(name: str) -> Schema:
    """The schema of one of :data:`OTHERS`."""
    module, _, function = OTHERS[name].partition(":")
    found: Schema = getattr(import_module(module), function)()
    return found


def of_document(document: type[BaseModel], name: str, title: str) -> Schema:
    """The schema of a document that is no training spec, to be checked by."""
    return _generate(document, name, title)


def union(kinds: Iterable[str] | None = None) -> Schema:
    """The schema of any document: of one of ``kinds`` (default: all there are), or starting from a stored model."""
    kinds = list(registry.kinds() if kinds is None else kinds)
    definitions = {name: schema_for(name) for name in kinds} | {"envelope": envelope()}
    return {
        "$schema": DIALECT,
        "$id": UNION,
        "title": "Training spec",
        "description": "One training run as a document: of one of these kinds, or starting from a stored model.",
        "type": "object",
        "if": {"properties": {"model": {"type": "object"} | _starts_from_model()}, "required": ["model"]},
        "then": {"$ref": "#/$defs/envelope"},
        "else": {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in kinds]},
        "$defs": {name: _nested(schema, f"#/$defs/{name}") for name, schema in definitions.items()},
    }


def text(schema: Schema) -> str:
    """A schema as a file holds it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def files() -> dict[str, str]:
    """The files of ``schemas/`` by name: the built-in kinds and their union, and those of other documents."""
    built_in = list(registry.built_in())
    kinds = {f"{name}.json": text(schema_for(name)) for name in built_in}
    others = {f"{name}.json": text(other(name)) for name in OTHERS}
    return kinds | {UNION: text(union(built_in))} | others


def write(directory: Path) -> list[Path]:
    """Write every schema into ``directory`` and return the paths."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name, content in files().items():
        path = directory / name
        path.write_text(content, encoding="utf-8")
        written.append(path)
    return written


def _generate(document: type[BaseModel], name: str, title: str | None = None) -> Schema:
    schema = document.model_json_schema(schema_generator=_Generator)
    for part in _objects(schema):
        _publish_older_words(part)
        _publish_older_spellings(part)
        _require_tags(part)
    title = title or f"Training spec: {name}"
    rest = {key: value for key, value in schema.items() if key not in ("title", "$defs")}
    return {"$schema": DIALECT, "$id": f"{name}.json", "title": title} | rest | {"$defs": schema["$defs"]}


def _objects(schema: Any) -> list[Schema]:
    """Every sub-schema that is an object, the outermost last."""
    children = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    found = [part for child in children for part in _objects(child)]
    return [*found, schema] if isinstance(schema, dict) else found


def _publish_older_spellings(schema: Schema) -> None:
    """Older spellings become deprecated properties, of which one at most may be there."""
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return
    for name, field in list(properties.items()):
        values = field.get("x-older-values", {}) if isinstance(field, dict) else {}
        for older in field.get("x-older-spellings", ()) if isinstance(field, dict) else ():
            own = ("x-older-spellings", "x-older-values", "default", "title")
            kept = {key: value for key, value in field.items() if key not in own}
            properties[older] = _older_property(name, deepcopy(kept), values.get(older, ()))
        spellings = [name, *field.get("x-older-spellings", ())] if isinstance(field, dict) else [name]
        for both in combinations(spellings, 2):
            never: Schema = {"not": {"type": "object", "required": list(both)}}
            # Of two older spellings neither is the present one.
            schema.setdefault("allOf", []).append(never if name in both else never | {"x-spelling-of": name})
        if len(spellings) > 1 and name in schema.get("required", ()):
            schema["required"] = [other for other in schema["required"] if other != name]
            schema["allOf"].append({"anyOf": [{"required": [spelling]} for spelling in spellings]})


def _publish_older_words(field: Schema) -> None:
    """Older words are allowed where the present ones are: the enums of a field get them, and what they stand for."""
    older: dict[str, str] = field.pop("x-older-words", {}) if "x-resume" in field else {}
    for part in _objects(field) if older else ():
        words = part["enum"] if "enum" in part else [part["const"]] if "const" in part else []
        meant = {was: now for was, now in older.items() if now in words}
        if meant:
            part.pop("const", None)
            part |= {"x-older-words": meant, "enum": [*words, *meant]}


def _older_property(name: str, field: Schema, values: Sequence[tuple[Any, Any]]) -> Schema:
    """The property of an older spelling of ``name``: ``field``, or where it had values of its own, those alone."""
    description = f"An older spelling of `{name}`."
    if values:
        meanings = ", ".join(f"{json.dumps(was)} is {json.dumps(now)}" for was, now in values)
        description = f"An older spelling of `{name}`: {meanings}."
        field = {"enum": [was for was, _ in values], "x-values": [list(pair) for pair in values]}
    return field | {"deprecated": True, "description": description, "x-spelling-of": name}


def _require_tags(schema: Schema) -> None:
    """A union told apart by a tag needs the tag, also where a branch would have a default for it."""
    tag = schema.get("discriminator")
    if isinstance(tag, dict) and "oneOf" in schema:
        schema["required"] = [tag["propertyName"]]


def _without_null(schema: Schema) -> Schema:
    """``model.spec`` may be missing in the class, since a stored model stands in for it; null it may not be."""
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
    return rest | next(branch for branch in schema["anyOf"] if branch != {"type": "null"})


def _starts_from_model() -> Schema:
    return {"properties": {"start_state": {"type": "string"}}, "required": ["start_state"]}


def _nested(schema: Schema, prefix: str) -> Schema:
    """The schema as a definition of another: its references begin at ``prefix``."""

    def moved(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: moved(item) for key, item in value.items()}
        if isinstance(value, list):
            return [moved(item) for item in value]
        return prefix + value[1:] if isinstance(value, str) and value.startswith("#/$defs/") else value

    return {key: value for key, value in moved(schema).items() if key not in ("$schema", "$id")}
