"""What the kind's section of a spec names beside its data: pretrained models and files, at any depth."""

from __future__ import annotations

from pydantic import BaseModel

from runner.contract import names_file, names_pretrained, sections_within
from runner.spec.envelope import TrainingSpec


def model_names(spec: TrainingSpec) -> list[tuple[str, str | None]]:
    """The pretrained models that the kind's spec names, at any depth, each with the ``revision`` beside it.

    One that names a stored model is none of them.
    """
    return [(name, revision) for _, name, revision in named_models(spec)]


def named_models(spec: TrainingSpec) -> list[tuple[str, str, str | None]]:
    """The same, each after its pointer."""
    found: list[tuple[str, str, str | None]] = []
    stored = spec.model.spec.stored_models().values() if spec.model.spec else ()

    def look(section: BaseModel, pointer: str) -> None:
        for name in type(section).model_fields:
            value = getattr(section, name)
            if names_pretrained(type(section), name) and value is not None and value not in stored:
                found.append((f"{pointer}/{name}", value, getattr(section, "revision", None)))
        for place, inner in sections_within(section):
            look(inner, "/".join([pointer, *place]))

    if spec.model.spec:
        look(spec.model.spec, "/model/spec")
    return found


def file_names(spec: TrainingSpec) -> list[tuple[str, str]]:
    """The files beside the data that the kind's spec names, at any depth, each after its pointer."""
    found: list[tuple[str, str]] = []

    def look(section: BaseModel, pointer: str) -> None:
        for name in type(section).model_fields:
            value = getattr(section, name)
            if names_file(type(section), name, value):
                found.append((f"{pointer}/{name}", value))
            elif isinstance(value, list):
                listed = ((at, each) for at, each in enumerate(value) if names_file(type(section), name, each))
                found.extend((f"{pointer}/{name}/{at}", each) for at, each in listed)
        for place, inner in sections_within(section):
            look(inner, "/".join([pointer, *place]))

    if spec.model.spec:
        look(spec.model.spec, "/model/spec")
    return found
