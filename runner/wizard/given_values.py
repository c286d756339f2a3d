"""Values that are given before the first question, or by ``:set``: which field a word names, and what it is set to."""

from __future__ import annotations

from typing import Any

from runner import near_names, registry
from runner.errors import UsageError
from runner.spec import pointers
from runner.wizard.data_facts import named
from runner.wizard.draft import Draft, Origin
from runner.wizard.field_groups import MODEL_FIELDS, field_at, is_column, present, top_fields
from runner.wizard.field_steps import union_tags, write_out
from runner.wizard.field_values import branches
from runner.wizard.kind_questions import set_kind
from runner.wizard.question_order import typed_value
from runner.wizard.session import Session

#: Short words for what every training has.
SHORT = {"name": "/model/name", "data": "/data/dataset", "kind": "/model/spec/model_type"}
KIND = "/model/spec/model_type"


def pointer_of(key: str, root: Any, document: Any) -> str:
    """The pointer that a word means: a pointer, a dotted path, or the name of a field.

    Raises :class:`UsageError` with the nearest name for one that the kind does not have.
    """
    key = key.strip()
    if key in SHORT:
        return SHORT[key]
    tops = top_fields(root)
    if key == "model":
        for name in MODEL_FIELDS:
            if f"/model/spec/{name}" in tops:
                return f"/model/spec/{name}"
    pointer = key if key.startswith("/") else pointers.join(key.split("."))
    if pointer == KIND or field_at(root, document, pointer) is not None:
        return pointer
    first, dot, rest = key.partition(".")
    if not key.startswith("/"):
        named = [at for at in tops if pointers.split(at)[-1] == first]
        # A field of the kind comes before one of the data that is called the same.
        named.sort(key=lambda at: (not at.startswith("/model/spec/"), at))
        for at in named:
            pointer = at + pointers.join(rest.split(".")) if dot else at
            if field_at(root, document, pointer) is not None:
                return pointer
        # A field of a section, such as executor of /run, or a column's role.
        for at in ("/run", "/hub", "/wandb", "/log", "/data/columns"):
            if not dot and key in _names_in(at, root):
                return f"{at}/{key}"
    raise UsageError(f"there is no field {key!r}", where=f"--set {key}", hint=_hint(key, root, document))


def _hint(key: str, root: Any, document: Any) -> str:
    """The field that was probably meant: at the place that a path leads to, by its last word, or by any name.

    ``learner.max_dept`` is ``learner.max_depth``, ``data.columns.target`` is ``target_columns`` where a kind has it.
    """
    tops = top_fields(root)
    words = pointers.split(key) if key.startswith("/") else key.split(".")
    names = {pointers.split(at)[-1] for at in tops} | set(SHORT)
    for depth in range(len(words) - 1, 0, -1):
        for at in _places(words[:depth], tops):
            near = near_names.nearest(words[depth], _names_in(at, root, document))
            if near is not None:
                said = ".".join([*words[:depth], near])
                return _branch_before(at, near, said, root, document) or f"did you mean {said!r}?"
        # A role within `columns`, of a kind that has a field for each.
        within = sorted(name for name in names if name.startswith(f"{words[-1]}_"))
        if within:
            return f"did you mean {within[0]!r}?"
    hint = near_names.hint(words[-1], names, "")
    if not hint and len(words) > 1:
        hint = near_names.hint(words[0], names, "")
    return hint or "its fields: docs/kinds, or :show"


def _branch_before(at: str, name: str, said: str, root: Any, document: Any) -> str:
    """Of a field that other branches of a union have: what is to be set before it. Empty where that is not so."""
    if field_at(root, document, at + pointers.join((name,))) is not None:
        return ""
    found = field_at(root, document, at)
    options = branches(found[0], root) if found is not None else []
    tag = next((each for each in sorted(_names_in(at, root)) if union_tags(root, document, at, each)), None)
    having = [str(each["properties"][tag]["const"]) for each in options if tag and name in present(each)]
    if not having:
        return ""
    return f"{said} is there with {', '.join(having)}: set {said.rpartition('.')[0]}.{tag} before it"


def _places(words: list[str], tops: Any) -> list[str]:
    """Where a path may lead: from the document's root, and from any field that is called as its first word."""
    return [pointers.join(words), *(at + pointers.join(words[1:]) for at in tops if pointers.split(at)[-1] == words[0])]


def _names_in(pointer: str, root: Any, document: Any = None) -> set[str]:
    """The fields of a section: of a union's branches those of all, or of the one that the document has."""
    if pointer in ("/model", "/model/spec", "/data"):
        return {pointers.split(at)[-1] for at in top_fields(root) if at.rpartition("/")[0] == pointer}
    found = field_at(root, document or {}, pointer)
    return set() if found is None else {name for each in branches(found[0], root) for name in present(each)}


def _columns(text: str, draft: Draft, session: Session, pointer: str) -> list[str] | None:
    """Names of columns with commas between them, where the data has each of them and no column of the whole text."""
    path = named(draft)
    if "," not in text or text.startswith("[") or not is_column(pointers.split(pointer)[-1]) or not path:
        return None
    looked = session.look(path)
    there = {column.name for column in looked.columns} if looked is not None else set()
    names = [name.strip() for name in text.split(",")]
    return names if text not in there and set(names) <= there else None


def give(draft: Draft, session: Session, key: str, text: Any, origin: Origin) -> str:
    """Set a field by its name; the pointer. ``text`` is what was typed, or the value itself.

    Raises :class:`UsageError`.
    """
    key = key.strip()
    if key in ("kind", "model_type", KIND, "model.spec.model_type"):
        name = str(text)
        if registry.find(name) is None:
            registry.load(name)  # raises with the nearest names
        set_kind(draft, name)
        draft.origins[KIND] = origin
        return KIND
    if draft.kind is None:
        if key not in SHORT and key not in SHORT.values() and key not in ("model.name", "data.dataset"):
            raise UsageError(
                f"which kind has {key!r}?", where=f"--set {key}", hint="name the kind first: runner new KIND --set ..."
            )
        pointer = SHORT.get(key, key if key.startswith("/") else pointers.join(key.split(".")))
        draft.put(pointer, text, origin)
        return pointer
    root = session.schema(draft.kind)
    pointer = pointer_of(key, root, draft.document)
    section, _, name = pointer.rpartition("/")
    if (tags := union_tags(root, draft.document, section, name)) is not None:
        if text not in tags:
            hint = near_names.hint(str(text), tags, "there are: " + ", ".join(tags))
            raise UsageError(f"{text!r} is none of them", where=f"--set {key}", hint=hint)
        if draft.get(pointer) != text:
            # Another branch of the union: nothing of the former one is in its fields.
            write_out(draft, root, section)
            draft.put(section, {name: text}, origin)
        return pointer
    value = text
    if isinstance(text, str):
        try:
            value = _columns(text, draft, session, pointer) or typed_value(root, draft.document, pointer, text)
        except ValueError as error:
            raise UsageError(str(error), where=f"--set {key}") from None
    else:
        from runner.wizard.field_values import fault

        found = field_at(root, draft.document, pointer)
        wrong = fault(value, found[0], root) if found else None
        if wrong:
            raise UsageError(wrong, where=key)
    write_out(draft, root, pointer)
    draft.put(pointer, value, origin)
    return pointer
