"""Which column is what: the proposal as a whole, or each role by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from runner.spec import pointers
from runner.spec.schema_walk import resolve
from runner.wizard.data_facts import named
from runner.wizard.draft import Draft
from runner.wizard.field_groups import (
    default_of,
    field_at,
    is_column,
    present,
)
from runner.wizard.field_steps import Ask, Field, put_value
from runner.wizard.field_values import fault
from runner.wizard.prompt_interface import Choice, Question, shown
from runner.wizard.schema_questions import question
from runner.wizard.session import Session

Schema = dict[str, Any]


def column_questions(draft: Draft, session: Session, root: Schema) -> Iterator[Ask]:
    """Which column is what. The proposal is put in as a whole, if it is right; else each role is asked."""
    path = named(draft)
    data = present(resolve(root["properties"]["data"], root))
    if not path or _given_columns(draft, data, ("file", "flag")):
        return
    looked = session.look(path)
    if looked is None:
        return
    found = session.proposed(path, draft.kind)
    fields = session.column_fields(str(draft.kind), path)
    names = [column.name for column in looked.columns]
    offers = [Choice(column.name, column.name, _values(column)) for column in looked.columns]
    chosen: list[str] = []
    if found is not None and draft.own.get("columns") is not False:
        for role, may in found.choose.items():
            pointer = f"/data/{role}" if role in data else f"/data/columns/{role}"
            ask = _choose(draft, root, pointer, may, offers, found, names)
            if ask is not None:
                chosen.append(pointer)
                yield ask
    elif found is not None:
        chosen = [at for role in found.choose for at in (f"/data/{role}", f"/data/columns/{role}")]
    if fields and not _given_columns(draft, data, ("file", "flag", "you"), chosen):
        said = {pointers.split(at)[-1]: draft.get(at) for at in chosen if draft.has(at)}
        roles = ", ".join(f"{role} = {shown(said.get(role, column))}" for role, column in _pairs(fields))
        asked = Question(
            "columns", f"The columns: {roles}. Is that right?", "yes_no", default=True,
            help="No asks for each column. What each means: runner data check --help --kind " + str(draft.kind),
            why="; ".join(found.reasons) if found else "",
        )  # fmt: skip

        def put(draft: Draft, answer: bool) -> None:
            draft.own["columns"] = answer
            for role, value in _roles(fields):
                pointer = f"/data/{role}"
                if pointer in chosen and draft.has(pointer):
                    continue
                if answer:
                    draft.put(pointer, value, "data")
                elif draft.origin(pointer) == "data":
                    draft.remove(pointer)

        yield Ask("columns", asked, put)
        if draft.own.get("columns"):
            return
    if not looked.columns:
        return
    for name, schema in data.items():
        pointer = f"/data/{name}"
        if name == "columns":
            section = next((o for o in _objects(schema, root) if "properties" in o), None)
            for role, inner in present(section or {}).items():
                known = offers if "string" in _types(inner, root) else ()
                yield _column(draft, root, f"{pointer}/{role}", inner, known, names)
        elif is_column(name):
            yield _column(draft, root, pointer, schema, offers, names)


def _choose(
    draft: Draft, root: Schema, pointer: str, may: Sequence[str], offers: Sequence[Choice], found: Any,
    names: Sequence[str],
) -> Ask | None:  # fmt: skip
    """A role that only a person can say: what it may be comes first, the other columns behind."""
    schema = field_at(root, draft.document, pointer)
    if schema is None:
        return None
    role = pointers.split(pointer)[-1]
    guess = found.data.get(role, found.columns.get(role))
    first = [next((each for each in offers if each.value == name), Choice(name, name)) for name in may]
    if not set(may) <= set(names):
        # No column: a word, such as how boxes are written.
        asked = replace(question(pointer, schema[0], root), default=guess, choices=first, shape="choice")

        def put(draft: Draft, answer: Any) -> None:
            draft.put(pointer, answer)

        ask = Ask("columns", asked, put)
    else:
        known = [*first, *(each for each in offers if each not in first)]
        ask = _column(draft, root, pointer, schema[0], known, names)
    now = draft.get(pointer) if draft.origin(pointer) == "you" else None
    why = f"a guess: {'; '.join(found.reasons)}"
    return replace(ask, question=replace(ask.question, default=now or guess, why=why, optional=False, guessed=True))


def _roles(fields: Any) -> list[tuple[str, Any]]:
    """Fields of ``data`` as ``(name, value)``, the roles of ``columns`` each as one."""
    return [
        (f"{name}/{role}" if inner else name, each)
        for name, value in fields.items()
        for inner in (isinstance(value, dict),)
        for role, each in (value.items() if inner else [(name, value)])
    ]


def _given_columns(draft: Draft, data: Schema, by: Sequence[str], but: Sequence[str] = ()) -> bool:
    """Whether somebody named columns already, beside those of ``but``."""
    known = ["/data/columns", *(f"/data/{name}" for name in data if is_column(name))]
    inside = [at for at in draft.origins if at.startswith("/data/columns/")]
    found = [at for at in [*known, *inside] if at not in but]
    return any(draft.has(at) and draft.origin(at) in by for at in found)


def _pairs(fields: Any) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in fields.items():
        found += list(value.items()) if isinstance(value, dict) else [(name, value)]
    return found


def _objects(schema: Schema, root: Schema) -> list[Schema]:
    from runner.wizard.field_values import branches

    return branches(schema, root)


def _types(schema: Schema, root: Schema) -> set[str]:
    return {str(option.get("type")) for option in _objects(schema, root)}


def _values(column: Any) -> str:
    samples = ", ".join(shown(value)[:24] for value in column.samples[:2])
    return f"{column.kind}: {samples}" if samples else column.kind


def _column(
    draft: Draft, root: Schema, pointer: str, schema: Schema, offers: Sequence[Choice], names: Sequence[str]
) -> Ask:
    default = default_of(schema, root)
    asked = question(pointer, schema, root, now=draft.get(pointer), offers=offers)

    def put(draft: Draft, answer: Any) -> None:
        put_value(draft, Field(pointer, schema, False, "columns"), root, answer if answer != [] else default)

    def check(answer: Any) -> str | None:
        wrong = fault(answer, schema, root)
        if wrong is not None or answer in (None, default):
            return wrong
        absent = [each for each in (answer if isinstance(answer, list) else [answer]) if each not in names]
        if absent and offers and isinstance(absent[0], str):
            return f"the data has no column {absent[0]!r}: it has {', '.join(names[:12])}"
        return None

    own = not pointer.startswith("/data/columns/")
    if own and offers and isinstance(asked.default, str) and asked.default not in names:
        # The usual name is none of this data's: somebody has to say which it is.
        return Ask("columns", replace(asked, check=check, default=None, optional=False), put)
    return Ask("columns", replace(asked, check=check, optional=True), put)
