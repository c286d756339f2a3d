"""The questions of a training, in their order. What comes next is read from the draft: to go back is to forget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from runner import near_names, registry
from runner.spec import pointers
from runner.spec.schema_walk import resolve
from runner.store.names import name_fault
from runner.wizard import kind_words
from runner.wizard.data_facts import named
from runner.wizard.draft import Draft
from runner.wizard.field_groups import (
    GROUPS,
    MODEL_FIELDS,
    default_of,
    field_at,
    fields_of,
    is_column,
    present,
    top_fields,
)
from runner.wizard.field_steps import Ask, Field, asks, put_value
from runner.wizard.field_values import fault, value_of
from runner.wizard.question_types import Choice, Question, shown
from runner.wizard.questions import description, question
from runner.wizard.session import Session

Schema = dict[str, Any]

#: The steps by name, as ``:back STEP`` takes them, in their order.
STEPS = (
    "family", "kind", "name", "data", "token", "columns", "split", "samples", "model", "needed", "more",
    *(group.name for group in GROUPS), "file", "review", "start",
)  # fmt: skip
#: The answer to the first question of somebody who does not know what the data is good for.
BY_DATA = "by the data"
#: The answer of somebody who wants a fine-tuning on conversations by a script of its own.
BY_SCRIPT = Choice(
    "with a script", "sft, with a script",
    "A few questions, data typed in or answered by a teacher; ends in a spec and one Python script.",
)  # fmt: skip
#: The answer of somebody to whom none of the proposed kinds is right.
OTHER_KIND = Choice("another kind", "another kind", "all of them are listed")
#: So many columns of a kind are told by name.
NAMES = 12


def steps(draft: Draft, session: Session) -> Iterator[Ask]:
    """Every question up to the first that is open, and that one. Whoever walks them answers it before going on."""
    # Somebody who asked what the data is good for is asked for the data first.
    if draft.kind is None or "family" in draft.own:
        yield _family(draft)
    if draft.own.get("family") == BY_DATA:
        yield _data(draft, session, None)
        yield _proposed_kind(draft, session)
    else:
        yield _kind(draft)
    kind = draft.kind
    if kind is None:
        return
    # The name and the data are asked before anything is loaded that the schema needs: it is loaded meanwhile.
    yield _name(draft, session, kind)
    yield _data(draft, session, kind)
    root = session.schema(kind)
    if _asks_token(draft, session):
        yield _token(session)
    yield from _columns(draft, session, root)
    yield from _split(draft, root)
    yield from _field(draft, session, root, "/data/max_samples", "samples")
    yield from _model(draft, session, root)
    if _asks_token(draft, session):
        yield _token(session)
    for pointer, (schema, needed) in top_fields(root).items():
        if needed and pointer not in ("/model/name", "/data/dataset"):
            yield from asks(Field(pointer, schema, True, "needed", everything=False), root, draft)
    yield from _groups(draft, session, root)
    for pointer in draft.own.get("edits", ()):
        yield from _edited(draft, session, root, pointer)


def _family(draft: Draft) -> Ask:
    families = kind_words.families()
    choices = [Choice(name, name, kind_words.about_family(name)) for name in families]
    choices.append(Choice(BY_DATA, BY_DATA, "name a file, and see what it could train"))
    default = registry.kinds()[draft.kind].family if draft.kind in registry.kinds() else draft.own.get("family")
    asked = Question(
        "family", "What should be learned? Choose a family of models.", "choice", default=default, choices=choices,
        help="A family has kinds of models that read data of a like shape.",
        why="it is the one of the kind that was named" if default else "nothing is known of the data yet",
    )  # fmt: skip

    def put(draft: Draft, answer: str) -> None:
        if draft.own.get("family") != answer and draft.kind is not None:
            family = registry.kinds()[draft.kind].family if draft.kind in registry.kinds() else None
            if answer != family:
                forget_kind(draft)
        draft.own["family"] = answer

    return Ask("family", asked, put)


def forget_kind(draft: Draft) -> None:
    """Leave nothing of a kind behind: what stays is the name, and which data is read."""
    kept = {
        "/model/name": (draft.get("/model/name"), draft.origin("/model/name")),
        "/data/dataset": (named(draft) or None, draft.origin("/data/dataset")),
    }
    given = [pointer for pointer in draft.given if pointer in kept]
    draft.document, draft.origins = {}, {}
    draft.own = {key: value for key, value in draft.own.items() if key == "family"}
    draft.given = given
    for pointer, (value, origin) in kept.items():
        if value is not None:
            draft.put(pointer, value, origin or "you")
    for key in [key for key, step in draft.answered.items() if step not in ("family", "data", "token", "name")]:
        del draft.answered[key]


def set_kind(draft: Draft, kind: str) -> None:
    """Train this kind: of another one nothing stays but the name and the data."""
    if draft.kind not in (None, kind):
        forget_kind(draft)
    if draft.kind != kind:
        draft.put("/model/spec/model_type", kind)


def _kind_question(draft: Draft, choices: Sequence[Choice], default: Any, why: str, text: str) -> Ask:
    asked = Question(
        "kind", text, "choice", default=default, choices=choices, why=why,
        help="The kind is model.spec.model_type; `runner models --types` lists all, docs/kinds has a page of each.",
        guessed=default is not None and draft.kind is None,
    )  # fmt: skip

    def put(draft: Draft, answer: str) -> None:
        if answer == BY_SCRIPT.value:
            draft.own["script"] = True
        else:
            set_kind(draft, answer)

    return Ask("kind", asked, put)


def _kind(draft: Draft) -> Ask:
    family = draft.own.get("family")
    kinds = kind_words.families().get(str(family), list(registry.kinds()))
    choices = [Choice(name, name, kind_words.about_kind(name)) for name in kinds]
    if "sft" in kinds and family is not None:
        choices.insert(kinds.index("sft") + 1, BY_SCRIPT)
    default = draft.kind if draft.kind in kinds else kinds[0] if len(kinds) == 1 else None
    why = "it was named" if draft.kind else f"{family} has one kind" if default else "there is no default"
    return _kind_question(draft, choices, default, why, "Which kind?")


def _proposed_kind(draft: Draft, session: Session) -> Ask:
    looked = session.look(str(draft.get("/data/dataset") or ""))
    families = looked.families if looked else ()
    proposed = {each.kind: Choice(each.kind, each.kind, "; ".join(each.reasons)) for each in families}
    others = [Choice(name, name, kind_words.about_kind(name)) for name in registry.kinds() if name not in proposed]
    text = "What the data could train, the likeliest first. Which kind?"
    if not proposed:
        text = "Nothing tells what this data is for. Which kind?"
    first = next(iter(proposed), None)
    why = proposed[first].note if first else "no column of the data is known by its name"
    default = draft.kind or first
    if not proposed or draft.own.get("every kind") or default not in proposed:
        return _kind_question(draft, [*proposed.values(), *others], default, why, text)
    short = _kind_question(draft, [*proposed.values(), OTHER_KIND], default, why, text)

    def put(draft: Draft, answer: str) -> None:
        if answer == OTHER_KIND.value:
            draft.own["every kind"] = True
            del draft.answered["kind"]
        else:
            short.put(draft, answer)

    def check(answer: Any) -> str | None:
        known = {*registry.kinds(), OTHER_KIND.value}
        return None if answer in known else f"there is no kind {answer!r}: {near_names.hint(str(answer), known, '')}"

    return replace(short, question=replace(short.question, free=True, check=check), put=put)


def _name(draft: Draft, session: Session, kind: str) -> Ask:
    now = draft.get("/model/name")
    default = now or _free_name(session, kind)

    def check(answer: Any) -> str | None:
        wrong = name_fault(answer)
        return None if wrong is None else f"the name {wrong}"

    def told(draft: Draft) -> list[str]:
        from runner.store.model_lookup import versions

        there = versions(session.workspace.store, kind, str(draft.get("/model/name")))
        if not there:
            return []
        return [f"{kind}/{there[-1].name} is stored already, as v{there[-1].version}: this will be its next version"]

    asked = Question(
        "/model/name", "What is the model called?", default=default, check=check, said=now is None,
        help="/model/name  The name that the model is stored under, a folder of models/: no slash is in it.",
        why="the kind's name" if now is None else "the spec has this name now",
    )  # fmt: skip
    return Ask(
        "name", asked, lambda draft, answer: draft.put("/model/name", answer) if answer != now else None, "", told
    )


def _free_name(session: Session, kind: str) -> str:
    # By the folders alone: manifests are pydantic's, and the first questions need none.
    name, at = kind.replace("_", "-"), 2
    free = name
    while (session.workspace.store / kind / free).exists():
        free, at = f"{name}-{at}", at + 1
    return free


def _data(draft: Draft, session: Session, kind: str | None) -> Ask:
    pointer = "/data/dataset"
    now = named(draft) or None
    schema: Schema = {"type": "string"} if kind is None else session.dataset_field(kind)
    default = now or default_of(schema, {})

    def check(answer: Any) -> str | None:
        wrong = fault(answer, schema, {})
        return wrong if wrong is not None else session.data_fault(kind, answer)

    def put(draft: Draft, answer: str) -> None:
        if named(draft) == answer:
            return
        if draft.has(pointer):
            # What was said of the former data's columns and rows is of no use to another's.
            draft.document["data"] = {}
            draft.origins = {at: origin for at, origin in draft.origins.items() if not at.startswith("/data")}
            for key in [key for key, step in draft.answered.items() if step in ("columns", "split", "samples")]:
                del draft.answered[key]
        draft.put(pointer, answer)

    def told(draft: Draft) -> list[str]:
        path = named(draft)
        looked = session.look(path)
        if looked is None:
            return [f"it could not be looked at: {session.unseen[path]}"] if (session.folder / path).exists() else []
        # Imported here: what it lies beside is pydantic's, and the first question needs none.
        from runner.contract.quantities import counted

        count = len(looked.columns)
        lines = [f"{looked.container}: {looked.count}" + (f", {counted(count, 'columns')}" if count > 1 else "")]
        lines += _by_kind(looked.columns)
        found = session.proposed(path, draft.kind)
        reasons = found.reasons if found is not None and found.columns else []
        warnings = found.warnings if found is not None else []
        return lines + [f"  {line}" for line in (*looked.notes, *reasons, *(f"warning: {each}" for each in warnings))]

    about = description(schema, {}) or "A file, a folder or a pattern, or hub:OWNER/NAME."
    asked = Question(
        pointer, "What is it trained on? The path of a file or folder, or hub:OWNER/NAME.", "path", default=default,
        check=check, help=f"{pointer}  {about}", read=lambda typed: typed,
        why="the spec has it now" if now else "the default of the field" if default else "nothing was named yet",
    )  # fmt: skip
    return Ask("data", asked, put, "", told)


def _by_kind(columns: Any) -> list[str]:
    """``number: alcohol, ash, hue``: the columns that hold the like, a line for each."""
    kinds: dict[str, list[str]] = {}
    for column in columns:
        kinds.setdefault(column.kind, []).append(column.name)
    lines = []
    for kind, names in kinds.items():
        more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
        lines.append(f"  {kind}: {', '.join(names[:NAMES])}{more}")
    return lines


def _asks_token(draft: Draft, session: Session) -> bool:
    return "token" in draft.answered or (not session.token_asked and session.hub_needed(draft.kind, draft.document))


def _token(session: Session) -> Ask:
    from runner.wizard.hub_token import use

    asked = Question(
        "token",
        "A token of the Hugging Face Hub (Enter: none; what is public needs none). It is not shown, and kept nowhere.",
        "secret",
        optional=True,
        help="It is in the memory of this process alone, for the run that is started here: HF_TOKEN. "
        "Make one at huggingface.co/settings/tokens.",
        why="what you named is not on this machine, and no token was found here",
    )
    said: list[str] = []

    def put(draft: Draft, answer: str | None) -> None:
        session.token_asked = True
        # What could not be seen without it may be seen now.
        session.forget_unseen()
        said[:] = [use(answer)] if answer else []

    return Ask("token", asked, put, "", lambda draft: said)


def _columns(draft: Draft, session: Session, root: Schema) -> Iterator[Ask]:
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


#: How rows are held out, by the field that says so.
WAYS = {
    "validation_split": Choice("validation_split", "a share", "rows drawn by their content"),
    "validation_data": Choice("validation_data", "another file", "with the same columns"),
    "split_column": Choice("split_column", "a column", "that says train or validation of each row"),
    "group_column": Choice("group_column", "a share, by groups", "rows with an equal value stay together"),
    "time_column": Choice("time_column", "the latest", "by a column of times"),
}


def _split(draft: Draft, root: Schema) -> Iterator[Ask]:
    """How rows are held out to measure on."""
    data = present(resolve(root["properties"]["data"], root))
    ways = [name for name in WAYS if name in data]
    if len(ways) > 1:
        now = next((name for name in reversed(ways) if draft.get(f"/data/{name}") is not None), "validation_split")
        by_data = draft.origin(f"/data/{now}") == "data"
        asked = Question(
            "split", "Which rows are held out, to measure on?", "choice", default=now,
            choices=[WAYS[name] for name in ways],
            help="\n".join(f"{WAYS[name].title}: {description(data[name], root)}" for name in ways),
            why="the data says so" if by_data else "a share of the rows is the default of the field",
        )  # fmt: skip

        def put(draft: Draft, answer: str) -> None:
            draft.own["split"] = answer
            for name in ways:
                beside = name == "validation_split" and answer in ("group_column", "time_column")
                if name != answer and not beside and draft.has(f"/data/{name}"):
                    draft.remove(f"/data/{name}")

        yield Ask("split", asked, put)
        chosen = draft.own.get("split", now)
    else:
        chosen = ways[0] if ways else None
    needed = [chosen]
    if chosen in ("group_column", "time_column"):
        needed.append("validation_split")
    for name in needed:
        if name in data:
            must = name == chosen and name != "validation_split"
            yield from asks(Field(f"/data/{name}", data[name], must, "split"), root, draft)


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
