"""What an agent reads before it writes a spec: the model types, each with its text, its fields and its schema."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from runner import registry
from runner.spec import json_schemas


def kinds() -> list[dict[str, Any]]:
    """Every model type: its name, its family, what it is in a sentence, and what its models answer."""
    found = []
    for name, kind in sorted(registry.kinds().items()):
        text = inspect.getdoc(import_module(kind.module)) or ""
        found.append(
            {
                "model_type": name,
                "family": kind.family,
                "is": " ".join(text.split("\n\n")[0].split()),
                "task": registry.task(name).name,
            }
        )
    return found


def page(name: str) -> str:
    """A type's page, as Markdown. Raises :class:`~runner.errors.NotFoundError` for one that does not exist."""
    builder = registry.load(name)
    text = inspect.getdoc(import_module(registry.kinds()[name].module)) or ""
    lines = [f"# {name}", "", text, "", f"Its models answer: {registry.task(name).name}.", "", "## model.spec", ""]
    lines += _fields(builder.Spec)
    if (layout := getattr(builder.Spec, "data", None)) is not None:
        lines += ["", "## data", "", *_fields(layout)]
    lines += ["", f"Its JSON Schema: runner://schemas/{name}"]
    return "\n".join(lines) + "\n"


def schema(name: str) -> str:
    """A type's JSON Schema, or that of the tasks that `evaluate` takes, as text."""
    if name == json_schemas.EVALUATION_TASK:
        return json_schemas.text(json_schemas.evaluation_task())
    return json_schemas.text(json_schemas.schema_for(name))


def _fields(section: Any) -> Iterator[str]:
    for name, field in section.model_fields.items():
        default = "required" if field.is_required() else f"default {field.get_default(call_default_factory=True)!r}"
        if len(default) > 60:
            default = "has a default"
        yield f"- `{name}` ({default}): {field.description}"
