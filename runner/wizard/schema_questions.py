"""Questions made from the published schema alone: one for a field, with its choices, its bounds and its default."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from runner.spec import pointers
from runner.spec.schema_walk import present_words, resolve
from runner.wizard import field_values
from runner.wizard.field_groups import default_of
from runner.wizard.prompt_interface import Choice, Question

Schema = dict[str, Any]


def question(
    pointer: str,
    schema: Schema,
    root: Schema,
    *,
    needed: bool = False,
    now: Any = None,
    why: str = "",
    offers: Sequence[Choice] = (),
    guessed: bool = False,
) -> Question:
    """The question of one field that is no section.

    ``now`` is the value that the document has, and then the default of the question; ``offers`` are answers that are
    known without the schema, such as the columns of a file.
    """
    resolved = resolve(schema, root)
    default = now if now is not None else default_of(schema, root)
    optional = not needed and (field_values.takes_null(schema, root) or default is None)
    about = description(schema, root)
    takes = field_values.expected(schema, root)
    shape, choices, free = _shape(resolved, root)
    if offers:
        shape, choices, free = ("several" if _is_list(schema, root) else "choice"), list(offers), True
    label = name_of(pointer)
    text = f"{label}: {about}" if about else label
    if shape in ("text", "number") and takes not in ("a text", "any value"):
        text += f"\n({takes})"

    def read(typed: str) -> Any:
        return field_values.value_of(typed, schema, root)

    def one(typed: str) -> Any:
        # Of several: each item by itself.
        value = read(typed)
        return value[0] if isinstance(value, list) and len(value) == 1 else value

    return Question(
        key=pointer,
        text=text,
        shape=shape,  # type: ignore[arg-type]
        default=default,
        choices=choices,
        help=f"{pointer}  {about}".rstrip() + f"\nIt takes {takes}.",
        why=why or _why(schema, now),
        optional=optional,
        free=free,
        check=lambda answer: field_values.fault(answer, schema, root),
        read=one if shape == "several" else read,
        guessed=guessed,
    )


def description(schema: Schema, root: Schema) -> str:
    """What the schema says of a field."""
    return str(schema.get("description") or resolve(schema, root).get("description") or "")


def name_of(pointer: str) -> str:
    """What a field is called at a prompt: its name, behind that of the section that it lies in."""
    names = pointers.split(pointer)
    for before in (["model", "spec"], ["model"], ["data"]):
        if names[: len(before)] == before and len(names) > len(before):
            names = names[len(before) :]
            break
    return ".".join(names)


def _why(schema: Schema, now: Any) -> str:
    if now is not None:
        return "the spec has this value now"
    if "default" in schema:
        return f"the default of the field is {json.dumps(schema['default'], ensure_ascii=False)}"
    return "the field has no default"


def _is_list(schema: Schema, root: Schema) -> bool:
    kinds = {option.get("type") for option in field_values.open_branches(schema, root)}
    return kinds == {"array"}


def _shape(schema: Schema, root: Schema) -> tuple[str, list[Choice], bool]:
    """The shape of a field's question, its choices, and whether other answers are taken."""
    named = field_values.words(schema, root)
    rest = field_values.open_branches(schema, root)
    null = field_values.takes_null(schema, root)
    kinds = [option.get("type") for option in rest]
    if kinds == ["boolean"] and not named:
        if not null:
            return "yes_no", [], False
        return "choice", [Choice(True, "yes"), Choice(False, "no"), Choice(None, "none", "left open")], False
    if len(rest) == 1 and kinds == ["array"] and not named:
        items = resolve(rest[0].get("items", {}), root)
        if "enum" in items and not null:
            return "several", [Choice(word, str(word)) for word in present_words(items)], False
        return "text", [], False
    if named:
        choices = [Choice(word, word if isinstance(word, str) else json.dumps(word)) for word in named]
        if null:
            choices.append(Choice(None, "none"))
        return "choice", choices, bool(rest)
    if kinds and set(kinds) <= {"integer", "number"}:
        return "number", [], False
    return "text", [], False
