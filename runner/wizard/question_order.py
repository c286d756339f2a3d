"""The questions of a training, in their order. What comes next is read from the draft: to go back is to forget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from runner.spec import pointers
from runner.wizard.column_questions import column_questions
from runner.wizard.data_questions import asks_token, data_question, name_question, token_question
from runner.wizard.draft import Draft
from runner.wizard.field_groups import (
    GROUPS,
    MODEL_FIELDS,
    default_of,
    field_at,
    fields_of,
    top_fields,
)
from runner.wizard.field_steps import Ask, Field, asks, put_value
from runner.wizard.field_values import fault, value_of
from runner.wizard.kind_questions import BY_DATA, family_question, kind_question, proposed_kind_question
from runner.wizard.prompt_interface import Choice, Question, shown
from runner.wizard.schema_questions import description, question
from runner.wizard.session import Session
from runner.wizard.split_questions import split_questions

Schema = dict[str, Any]

#: The steps by name, as ``:back STEP`` takes them, in their order.
STEPS = (
    "family", "kind", "name", "data", "token", "columns", "split", "samples", "model", "needed", "more",
    *(group.name for group in GROUPS), "file", "review", "start",
)  # fmt: skip


def steps(draft: Draft, session: Session) -> Iterator[Ask]:
    """Every question up to the first that is open, and that one. Whoever walks them answers it before going on."""
    # Somebody who asked what the data is good for is asked for the data first.
    if draft.kind is None or "family" in draft.own:
        yield family_question(draft)
    if draft.own.get("family") == BY_DATA:
        yield data_question(draft, session, None)
        yield proposed_kind_question(draft, session)
    else:
        yield kind_question(draft)
    kind = draft.kind
    if kind is None:
        return
    # The name and the data are asked before anything is loaded that the schema needs: it is loaded meanwhile.
    yield name_question(draft, session, kind)
    yield data_question(draft, session, kind)
    root = session.schema(kind)
    if asks_token(draft, session):
        yield token_question(session)
    yield from column_questions(draft, session, root)
    yield from split_questions(draft, root)
    yield from _field(draft, session, root, "/data/max_samples", "samples")
    yield from _model(draft, session, root)
    if asks_token(draft, session):
        yield token_question(session)
    for pointer, (schema, needed) in top_fields(root).items():
        if needed and pointer not in ("/model/name", "/data/dataset"):
            yield from asks(Field(pointer, schema, True, "needed", everything=False), root, draft)
    yield from _groups(draft, session, root)
    for pointer in draft.own.get("edits", ()):
        yield from _edited(draft, session, root, pointer)


def _field(draft: Draft, session: Session, root: Schema, pointer: str, step: str) -> Iterator[Ask]:
    found = field_at(root, draft.document, pointer)
    if found is not None:
        yield from asks(Field(pointer, found[0], found[1], step), root, draft)


def _model(draft: Draft, session: Session, root: Schema) -> Iterator[Ask]:
    """The model that training starts from, in the kinds that have one."""
    fields = top_fields(root)
    pointer = next((f"/model/spec/{name}" for name in MODEL_FIELDS if f"/model/spec/{name}" in fields), None)
    if pointer is None:
        return
    from runner.wizard import catalog

    schema, needed = fields[pointer]
    found = catalog.models_for(str(draft.kind), session.workspace)
    offers = [Choice(offer.value, offer.title, offer.note) for offer in found]
    now = draft.get(pointer)
    default = now or default_of(schema, root)
    asked = question(pointer, schema, root, needed=needed, now=now, offers=offers)
    if default is None and needed and found:
        # One that is recommended and needs no download is taken where nobody is asked, and said.
        sure = next((offer for offer in found if offer.recommended and offer.here and offer.source != "drawn"), None)
        first = sure or found[0]
        why = first.note or "the first of the list"
        asked = replace(asked, default=first.value, guessed=sure is None, said=sure is not None, why=why)
    asked = replace(asked, text=f"Which model does it start from? {description(schema, root)}")

    def put(draft: Draft, answer: Any) -> None:
        put_value(draft, Field(pointer, schema, needed, "model"), root, answer)

    yield Ask("model", asked, put)


def _groups(draft: Draft, session: Session, root: Schema) -> Iterator[Ask]:
    """Fields that nobody has to answer, group by group: whether to, then each."""
    asked = Question(
        "more", "Go through the fields that have defaults, group by group?", "yes_no", default=False,
        help="Each has a default that works. `:set KEY=VALUE` sets one without going through the others.",
        why="every field that is left has a default",
    )  # fmt: skip
    yield Ask("more", asked, lambda draft, answer: draft.own.__setitem__("more", answer))
    if not draft.own.get("more"):
        return
    for group in GROUPS:
        fields = {
            pointer: found for pointer, found in fields_of(group.name, root).items() if not _asked(draft, pointer)
        }
        if not fields:
            continue
        key = f"group:{group.name}"
        asked = Question(
            key, f"{group.title}: {_summary(fields, draft, root)}. Change any?", "yes_no", default=False,
            help="\n".join(f"{pointer}  {description(schema, root)}" for pointer, (schema, _) in fields.items()),
            why="each has a default",
        )  # fmt: skip

        def put(draft: Draft, answer: bool, key: str = key) -> None:
            draft.own[key] = answer

        yield Ask(group.name, asked, put)
        if not draft.own.get(key):
            continue
        for pointer, (schema, needed) in fields.items():
            yield from asks(Field(pointer, schema, needed, group.name), root, draft)


def _asked(draft: Draft, pointer: str) -> bool:
    """Whether an earlier step asks for the field as a whole: groups leave it out."""
    early = ("name", "data", "columns", "split", "samples", "model")
    if pointer in ("/data/columns",):
        return draft.own.get("columns") is not True and any(
            key.startswith(pointer + "/") and step == "columns" for key, step in draft.answered.items()
        )
    return draft.answered.get(pointer) in early or pointer in ("/model/name", "/data/dataset")


def _summary(fields: Any, draft: Draft, root: Schema) -> str:
    told = []
    for pointer, (schema, _) in fields.items():
        value = draft.get(pointer)
        if value is None:
            value = default_of(schema, root)
        if isinstance(value, dict):
            value = next((each for name, each in value.items() if name.endswith(("type", "method"))), "…")
        told.append(pointers.split(pointer)[-1] + ("" if value is None else f" {shown(value)}"))
    return ", ".join(told)


def _edited(draft: Draft, session: Session, root: Schema, pointer: str) -> Iterator[Ask]:
    """A field that somebody wants to change, wherever it is."""
    found = field_at(root, draft.document, pointer)
    if found is None or draft.answered.get(pointer) not in (None, "edit"):
        return
    yield from asks(Field(pointer, found[0], found[1], "edit"), root, draft)


def typed_value(root: Schema, document: Any, pointer: str, text: str) -> Any:
    """The value that a typed text is at a field. Raises ValueError with what is wrong."""
    found = field_at(root, document, pointer)
    if found is None:
        raise ValueError(f"this kind has no field {pointer}")
    schema, _ = found
    value = value_of(text, schema, root)
    wrong = fault(value, schema, root)
    if wrong:
        raise ValueError(wrong)
    return value
