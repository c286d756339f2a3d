"""What the data says of itself, taken into the spec: what is read of a folder, its sides, how long its texts are."""

from __future__ import annotations

from runner.wizard.draft import Draft
from runner.wizard.field_groups import default_of, field_at, is_column
from runner.wizard.session import Session

DATASET = "/data/dataset"


def named(draft: Draft) -> str:
    """The data as it was named, which the spec may call otherwise: a folder of which one file is trained on."""
    dataset, kept = draft.get(DATASET), draft.own.get("named")
    if isinstance(kept, dict) and kept.get("dataset") == dataset:
        return str(kept["path"])
    return str(dataset or "")


def take(draft: Draft, session: Session) -> None:
    """Put what the data says into the spec, once for a kind and its data; columns are asked about instead.

    What a person, a flag or a file said stays.
    """
    path, kind = named(draft), draft.kind
    if not path or kind is None or draft.own.get("taken") == [kind, path]:
        return
    draft.own["taken"] = [kind, path]
    for pointer in [at for at, origin in draft.origins.items() if origin == "data" and not at.startswith("/data/")]:
        draft.remove(pointer)
    found = session.proposed(path, kind)
    if found is None or draft.own.get("from"):
        # A spec that somebody wrote is read as it stands.
        return
    # Imported here: it is pydantic's, and the first question needs none.
    from runner.data.holdout import Holdout

    if (dataset := found.data["dataset"]) != path:
        draft.put(DATASET, dataset, draft.origin(DATASET) or "you")
        draft.own["named"] = {"dataset": dataset, "path": path}
    held = any(draft.has(f"/data/{name}") for name in Holdout.WAYS)
    for name, value in found.data.items():
        way = name in Holdout.WAYS
        if name == "dataset" or is_column(name) or draft.has(f"/data/{name}") or (way and held):
            continue
        draft.put(f"/data/{name}", value, "data")
    root = session.schema(kind)
    for pointer, value in found.fields.items():
        field = field_at(root, draft.document, pointer)
        # A length is told by letters: one below the default would gain nothing, and could cut what has more tokens.
        if field is not None and not draft.has(pointer) and value > (default_of(field[0], root) or 0):
            draft.put(pointer, value, "data")
