"""What is trained: the family, and the kind, by the data where somebody asks for that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from runner import near_names, registry
from runner.wizard import kind_descriptions
from runner.wizard.data_facts import named
from runner.wizard.draft import Draft
from runner.wizard.field_steps import Ask
from runner.wizard.prompt_interface import Choice, Question
from runner.wizard.session import Session

#: The answer to the first question of somebody who does not know what the data is good for.
BY_DATA = "by the data"
#: The answer of somebody who wants a fine-tuning on conversations by a script of its own.
BY_SCRIPT = Choice(
    "with a script", "sft, with a script",
    "A few questions, data typed in or answered by a teacher; ends in a spec and one Python script.",
)  # fmt: skip
#: The answer of somebody to whom none of the proposed kinds is right.
OTHER_KIND = Choice("another kind", "another kind", "all of them are listed")


def family_question(draft: Draft) -> Ask:
    families = kind_descriptions.families()
    choices = [Choice(name, name, kind_descriptions.about_family(name)) for name in families]
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


def _ask_kind(draft: Draft, choices: Sequence[Choice], default: Any, why: str, text: str) -> Ask:
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


def kind_question(draft: Draft) -> Ask:
    family = draft.own.get("family")
    kinds = kind_descriptions.families().get(str(family), list(registry.kinds()))
    choices = [Choice(name, name, kind_descriptions.about_kind(name)) for name in kinds]
    if "sft" in kinds and family is not None:
        choices.insert(kinds.index("sft") + 1, BY_SCRIPT)
    default = draft.kind if draft.kind in kinds else kinds[0] if len(kinds) == 1 else None
    why = "it was named" if draft.kind else f"{family} has one kind" if default else "there is no default"
    return _ask_kind(draft, choices, default, why, "Which kind?")


def proposed_kind_question(draft: Draft, session: Session) -> Ask:
    looked = session.look(str(draft.get("/data/dataset") or ""))
    families = looked.families if looked else ()
    proposed = {each.kind: Choice(each.kind, each.kind, "; ".join(each.reasons)) for each in families}
    others = [
        Choice(name, name, kind_descriptions.about_kind(name)) for name in registry.kinds() if name not in proposed
    ]
    text = "What the data could train, the likeliest first. Which kind?"
    if not proposed:
        text = "Nothing tells what this data is for. Which kind?"
    first = next(iter(proposed), None)
    why = proposed[first].note if first else "no column of the data is known by its name"
    default = draft.kind or first
    if not proposed or draft.own.get("every kind") or default not in proposed:
        return _ask_kind(draft, [*proposed.values(), *others], default, why, text)
    short = _ask_kind(draft, [*proposed.values(), OTHER_KIND], default, why, text)

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
