"""Fields and sections of a spec: strict, closed, described."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

Resume = Literal["free", "warn", "refuse"]


def option(
    default: Any = ...,
    *,
    description: str,
    older: Sequence[str] | Mapping[str, Mapping[Any, Any]] = (),
    older_words: Mapping[str, str] | None = None,
    resume: Resume = "refuse",
    ignored: bool = False,
    pretrained: bool = False,
    file: str | None = None,
    **constraints: Any,
) -> Any:
    """One field of a spec.

    ``older`` lists spellings that documents in the wild use: each is accepted with a warning that names the present
    one, and refused beside it. Where an older spelling had other values too, it is a mapping: ``{"bits": {4: True,
    8: False}}`` takes ``"bits": 8`` as false, and no other value. ``older_words`` are older spellings of the word that
    the field holds, or of one in its list: ``{"categories": "prompt_categories"}``. ``resume`` says what happens when
    the field changes between a run and its resumption: it may (``free``), it may with a warning, or it may not. A field
    that is ``ignored``, with a warning, is offered to nobody. One that is ``pretrained`` names a pretrained model, or a
    folder that holds one. One whose value, or each in whose list, ends in
    ``file`` names a file of the user's. Other words are pydantic's
    ``Field`` constraints.
    """
    extra: dict[str, Any] = {"x-resume": resume}
    if ignored:
        extra["deprecated"] = True
    if pretrained:
        extra["x-pretrained"] = True
    if file is not None:
        extra["x-file"] = file
    if older:
        extra["x-older-spellings"] = list(older)
    if isinstance(older, Mapping):
        # Pairs rather than an object: the values of JSON are not all names.
        extra["x-older-values"] = {name: [[was, now] for was, now in values.items()] for name, values in older.items()}
    if older_words:
        extra["x-older-words"] = dict(older_words)
    # `factory` makes a fresh mutable default; pydantic takes either, never both.
    if "factory" in constraints:
        return Field(
            default_factory=constraints.pop("factory"),
            description=description,
            json_schema_extra=extra,
            **constraints,
        )
    return Field(default, description=description, json_schema_extra=extra, **constraints)


class Section(BaseModel):
    """An object of a spec: strict, closed, frozen. Every field is declared with :func:`option`."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        frozen=True,
        protected_namespaces=(),
        validate_default=True,
        defer_build=True,
    )


def sections_within(section: BaseModel) -> Iterator[tuple[tuple[str, ...], BaseModel]]:
    """The sections that are fields of a section, and those in a field that is an object of named sections, each with
    its place there: ``("optimizer",)``, ``("rewards", "short")``."""
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield (name,), value
        elif isinstance(value, dict):
            yield from (((name, key), each) for key, each in value.items() if isinstance(each, BaseModel))


def departs(section: BaseModel, field: str) -> bool:
    """Whether a field of a section has another value than where nothing is said.

    By this a field is refused that has no effect beside others. That it was written is no ground for that: a run
    keeps its spec with every default written, and its worker, a replay and a resumption read that document.
    """
    return bool(getattr(section, field) != type(section).model_fields[field].get_default(call_default_factory=True))


def names_pretrained(section: type[BaseModel], field: str) -> bool:
    """Whether a field of a section is declared with ``option(pretrained=True)``."""
    extra = section.model_fields[field].json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("x-pretrained"))


def names_file(section: type[BaseModel], field: str, value: object) -> bool:
    """Whether a field of a section is declared with ``option(file=SUFFIX)``, and ``value``, which is its own or one in
    its list, is such a file's path."""
    extra = section.model_fields[field].json_schema_extra
    suffix = extra.get("x-file") if isinstance(extra, dict) else None
    return isinstance(suffix, str) and isinstance(value, str) and value.endswith(suffix)


def invalid(place: tuple[str | int, ...], sort: str, message: str) -> ValidationError:
    """What a section's own validator raises for a fault at a field in it, such as ``("optimizer", "eps")``."""
    fault = InitErrorDetails(type=PydanticCustomError(sort, "{fault}", {"fault": message}), loc=place, input=None)
    return ValidationError.from_exception_data("section", [fault])
