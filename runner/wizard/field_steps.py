"""The questions of one field and of all that is in it: sections, unions, named entries, down to the last value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runner.spec import pointers
from runner.spec.schema_walk import branch, resolve
from runner.wizard import field_values
from runner.wizard.draft import Draft
from runner.wizard.field_groups import default_of, field_at, present, required
from runner.wizard.prompt_interface import Choice, Question
from runner.wizard.schema_questions import description, name_of, question

Schema = dict[str, Any]


@dataclass(frozen=True)
class Ask:
    """A question, the step that it belongs to, and what its answer does to the draft."""

    step: str
    question: Question
    put: Callable[[Draft, Any], None]
    #: What to say before it is asked, and after it was answered.
    before: str = ""
    told: Callable[[Draft], list[str]] = lambda draft: []

    @property
    def key(self) -> str:
        """What the answer is remembered by."""
        return self.question.key


@dataclass(frozen=True)
class Field:
    """A field that is asked: where, of what schema, in which step."""

    pointer: str
    schema: Schema
    needed: bool
    step: str
    #: Whether fields that may be left out are asked as well.
    everything: bool = True
    #: The default of the section around it, where the spec has no such section: it comes before the field's own.
    around: Mapping[str, Any] | None = None

    def default(self, root: Schema) -> Any:
        """What the field is where the spec says nothing of it."""
        name = pointers.split(self.pointer)[-1]
        if self.around is not None and name in self.around:
            return self.around[name]
        return default_of(self.schema, root)

    def inner(self, name: str, section: Schema, draft: Draft, root: Schema) -> Field:
        """A field of this section; ``section`` is its schema."""
        default = None if draft.has(self.pointer) else self.default(root)
        return Field(
            self.pointer + pointers.join((name,)),
            present(section)[name],
            name in required(section),
            self.step,
            self.everything,
            default if isinstance(default, dict) else None,
        )


#: Answers that are known without the schema, for a field: the columns of a file, say.
Offers = Callable[[str], Sequence[Choice]]


def no_offers(pointer: str) -> Sequence[Choice]:
    """Nothing is known of the field but its schema."""
    return ()


def asks(field: Field, root: Schema, draft: Draft, offers: Offers = no_offers) -> Iterator[Ask]:
    """The questions of a field, each made when the one before it is answered: what is asked depends on it.

    Whoever walks them answers what is open; what comes behind it is read from the draft.
    """
    if not field.everything and not field.needed:
        return
    schema = resolve(field.schema, root)
    options = field_values.open_branches(schema, root)
    objects = [option for option in options if option.get("type") == "object" and "properties" in option]
    if objects and (tag := _tag(schema, root)) is not None:
        yield from _union(field, root, draft, objects, tag, offers)
    elif len(objects) == 1 and len(options) == 1:
        yield from _section(field, root, draft, objects[0], offers)
    elif len(options) == 1 and (entry := _entries(options[0])) is not None and _is_section(entry, root):
        yield from _named(field, root, draft, options[0], entry, offers)
    else:
        yield _one(field, root, draft, offers(field.pointer))


def _tag(schema: Schema, root: Schema) -> str | None:
    """The property that tells the branches of a union apart; a nullable union has it one level further in."""
    schema = resolve(schema, root)
    tag = schema.get("discriminator")
    if isinstance(tag, dict):
        return str(tag["propertyName"])
    inner = schema.get("anyOf") or schema.get("oneOf") or ()
    found = [tag for option in inner if isinstance(option, dict) and (tag := _tag(option, root)) is not None]
    return found[0] if len(found) == 1 else None


def union_tags(root: Schema, document: Any, pointer: str, name: str) -> list[str] | None:
    """What ``name`` may be in a union that it tells apart; None where the field at ``pointer`` is no such union."""
    found = field_at(root, document, pointer) if pointer else None
    if found is None or _tag(found[0], root) != name:
        return None
    options = field_values.open_branches(found[0], root)
    return [str(option["properties"][name]["const"]) for option in options if name in option.get("properties", {})]


def _entries(schema: Schema) -> Schema | None:
    """The schema of the entries of an object whose keys are names of the user's."""
    if schema.get("type") != "object" or "properties" in schema:
        return None
    patterns = schema.get("patternProperties")
    found = next(iter(patterns.values())) if patterns else schema.get("additionalProperties")
    return found if isinstance(found, dict) else None


def _is_section(schema: Schema, root: Schema) -> bool:
    return any("properties" in option for option in field_values.open_branches(schema, root))


def _one(field: Field, root: Schema, draft: Draft, offers: Sequence[Choice]) -> Ask:
    """One value. What is the default already is not written into the spec."""
    now = draft.get(field.pointer)
    if now is None and not draft.has(field.pointer):
        now = field.default(root) if field.around is not None else None
    asked = question(field.pointer, field.schema, root, needed=field.needed, now=now, offers=offers)

    def put(draft: Draft, answer: Any) -> None:
        put_value(draft, field, root, answer)

    return Ask(field.step, asked, put)


def put_value(draft: Draft, field: Field, root: Schema, answer: Any) -> None:
    """An answer into the spec: left out where it is what the field has anyway."""
    default = field.default(root)
    same = answer == default and isinstance(answer, bool) == isinstance(default, bool)
    if same and (not field.needed or field.around is not None):
        if draft.has(field.pointer) and draft.get(field.pointer) != answer:
            draft.remove(field.pointer)
        return
    if draft.has(field.pointer) and draft.get(field.pointer) == answer and draft.origin(field.pointer):
        return  # It stays what it was, and where it came from.
    write_out(draft, root, field.pointer)
    draft.put(field.pointer, answer)


def write_out(draft: Draft, root: Schema, pointer: str) -> None:
    """Write the defaults of the sections around a field into the spec: a section that is there has no others."""
    names = pointers.split(pointer)
    for count in range(1, len(names)):
        at = pointers.join(names[:count])
        found = field_at(root, draft.document, at)
        if found is None or draft.has(at):
            continue
        default = default_of(found[0], root)
        if isinstance(default, dict):
            fields = branch(found[0], root, default).get("properties", {})
            # What a field has by itself needs not be written.
            own = {name: default_of(fields[name], root) for name in default if name in fields}
            draft.put(at, {name: value for name, value in default.items() if own.get(name) != value}, "default")


def _section(field: Field, root: Schema, draft: Draft, section: Schema, offers: Offers) -> Iterator[Ask]:
    """A section: whether it is there, where that is a choice; then its fields."""
    default = field.default(root)
    words = field_values.words(field.schema, root)
    may_be_absent = field_values.takes_null(field.schema, root) or bool(words)
    if may_be_absent and field.everything:
        yield _presence(field, root, draft, words, default)
        there = draft.get(field.pointer)
        if not isinstance(there, dict) and not (there is None and not draft.has(field.pointer) and _is(default)):
            return
    elif may_be_absent and not isinstance(draft.get(field.pointer), dict):
        return
    for name in present(section):
        yield from asks(field.inner(name, section, draft, root), root, draft, offers)


def _is(default: Any) -> bool:
    return isinstance(default, dict)


def _presence(field: Field, root: Schema, draft: Draft, words: list[Any], default: Any) -> Ask:
    """Whether a section is there, or a word stands in its place."""
    now = draft.get(field.pointer)
    label, about = name_of(field.pointer), description(field.schema, root)
    there = isinstance(now, dict) or (now is None and not draft.has(field.pointer) and _is(default))
    key = field.pointer + "?"
    if not words:
        asked = Question(
            key, f"{label}: {about}\nSet it?", "yes_no", default=there, help=f"{field.pointer}  {about}",
            why="the spec has it" if there else "the spec has none, which is the default",
        )  # fmt: skip

        def put(draft: Draft, answer: bool) -> None:
            if answer:
                if not isinstance(draft.get(field.pointer), dict):
                    draft.put(field.pointer, {})
            elif _is(default):
                draft.put(field.pointer, None)
            else:
                draft.remove(field.pointer)

        return Ask(field.step, asked, put)
    section = "fields of its own"
    choices = [Choice(word, str(word)) for word in words] + [Choice(section, section)]
    current = section if isinstance(now, dict) else now if now is not None else default
    asked = Question(key, f"{label}: {about}", "choice", default=current, choices=choices, help=about)

    def choose(draft: Draft, answer: Any) -> None:
        if answer == section:
            if not isinstance(draft.get(field.pointer), dict):
                draft.put(field.pointer, {})
        else:
            put_value(draft, field, root, answer)

    return Ask(field.step, asked, choose)


def _union(field: Field, root: Schema, draft: Draft, objects: list[Schema], tag: str, offers: Offers) -> Iterator[Ask]:
    """A section that is one of several: which, then its fields."""
    by_tag = {option["properties"][tag]["const"]: option for option in objects}
    default = field.default(root)
    absent = field_values.takes_null(field.schema, root) or (not field.needed and not _is(default))
    pointer = field.pointer + pointers.join((tag,))
    now = draft.get(pointer)
    if now is None and draft.get(field.pointer) is None and not draft.has(field.pointer) and _is(default):
        now = default.get(tag)
    label, about = name_of(field.pointer), description(field.schema, root)
    choices = [Choice(word, str(word), description(by_tag[word]["properties"][tag], root)) for word in by_tag]
    if absent:
        choices.append(Choice(None, "none"))
    asked = Question(
        pointer,
        f"{label}: {about}" if about else label,
        "choice",
        default=now,
        choices=choices,
        help=f"{field.pointer}  {about}\nEach has fields of its own.",
        why="the spec has it" if draft.has(pointer) else "the default of the field" if now else "there is none",
        optional=absent,
    )

    def put(draft: Draft, answer: Any) -> None:
        if answer is None:
            if _is(default):
                draft.put(field.pointer, None)
            else:
                draft.remove(field.pointer)
        elif not draft.has(field.pointer) and _is(default) and default.get(tag) == answer:
            return  # It is what the field is anyway.
        elif draft.get(pointer) != answer:
            write_out(draft, root, field.pointer)
            # Another branch: nothing of the former one is in its fields.
            draft.put(field.pointer, {tag: answer})

    yield Ask(field.step, asked, put)
    tagged = draft.get(pointer) if draft.has(field.pointer) else default.get(tag) if _is(default) else None
    chosen = by_tag.get(tagged)
    if chosen is None:
        return
    for name in present(chosen):
        if name != tag:
            yield from asks(field.inner(name, chosen, draft, root), root, draft, offers)


def _named(field: Field, root: Schema, draft: Draft, section: Schema, entry: Schema, offers: Offers) -> Iterator[Ask]:
    """Entries under names of the user's: a name, what is under it, the next name, until an empty one."""
    least = section.get("minProperties", 0) if field.needed else 0
    pattern = next(iter(section.get("patternProperties", ())), None)
    label, about = name_of(field.pointer), description(field.schema, root)
    at = 0
    while True:
        key = f"{field.pointer}+{at}"
        names = list(draft.get(field.pointer) or ())
        before = names[at] if at < len(names) else None
        enough = at >= least

        def check(answer: Any, names: list[str] = names, at: int = at) -> str | None:
            import re

            if pattern is not None and not re.search(pattern, answer):
                return f"{answer!r} is no name: letters, digits, dashes and underscores"
            return "it is there already" if answer in names and names.index(answer) != at else None

        asked = Question(
            key,
            f"{label}: {about}\nThe name of the {'first' if at == 0 else 'next'} one"
            + (" (Enter: no more)" if enough and before is None else ""),
            default=before,
            optional=enough,
            help=about,
            check=check,
        )

        def put(draft: Draft, answer: Any, at: int = at) -> None:
            entries = list((draft.get(field.pointer) or {}).items())
            if answer is None:
                entries = entries[:at]
            elif at == len(entries):
                entries.append((answer, {}))
            else:
                entries[at] = (answer, entries[at][1])
            if entries or field.needed:
                draft.put(field.pointer, dict(entries))
            else:
                draft.remove(field.pointer)

        yield Ask(field.step, asked, put)
        names = list(draft.get(field.pointer) or ())
        if at >= len(names):
            return
        inner = Field(field.pointer + pointers.join((names[at],)), entry, True, field.step, field.everything)
        yield from asks(inner, root, draft, offers)
        at += 1
