"""What the model is called, what it is trained on, and the token of the Hub where that needs one."""

from __future__ import annotations

from typing import Any

from runner.store.names import name_fault
from runner.wizard.data_facts import named
from runner.wizard.draft import Draft
from runner.wizard.field_groups import (
    default_of,
)
from runner.wizard.field_steps import Ask
from runner.wizard.field_values import fault
from runner.wizard.prompt_interface import Question
from runner.wizard.schema_questions import description
from runner.wizard.session import Session

Schema = dict[str, Any]

#: So many columns of a kind are told by name.
NAMES = 12


def name_question(draft: Draft, session: Session, kind: str) -> Ask:
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


def data_question(draft: Draft, session: Session, kind: str | None) -> Ask:
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


def asks_token(draft: Draft, session: Session) -> bool:
    return "token" in draft.answered or (not session.token_asked and session.hub_needed(draft.kind, draft.document))


def token_question(session: Session) -> Ask:
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
