"""``runner data list | store | remove``: prepared data sets beside the models in the store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.cli.output import say, show, table
from runner.cli.parameters import Json
from runner.cli.removal_report import Yes
from runner.errors import UsageError
from runner.workspace import Workspace

if TYPE_CHECKING:
    from runner.store.prepared_data import PreparedData


def list_sets(*, json: Json = False) -> None:
    """List the stored data sets, with the steps that made each.

    Example: runner data list
    """
    from runner.store import prepared_data

    found = [_document(each) for each in prepared_data.listing(Workspace.current().store)]
    show({"datasets": found}, lambda: _text(found), as_json=json)


def store(folder: Path, name: str, *, json: Json = False) -> None:
    """Store what a step made as the next version of dataset/NAME. A spec names it as data.dataset then.

    Example: runner data store data/split support

    Parameters
    ----------
    folder
        What a step made.
    name
        The data set's name.
    """
    from runner.store import prepared_data

    made = prepared_data.in_folder(folder)
    if made is None:
        raise UsageError(
            "no step made this folder", where=str(folder),
            hint="store what a step made: runner data process RAW FOLDER, then runner data store FOLDER NAME",
        )  # fmt: skip
    stored, new = prepared_data.keep(Workspace.current().store, name, made)
    told = f"stored as {stored.reference}" + ("" if new else ", which is there already")
    show(_document(stored) | {"new_version": new}, told, as_json=json, kept=told)


def remove(*name: str, yes: Yes = False, json: Json = False) -> None:
    """Remove stored data sets. What a run that is not over reads is refused.

    Example: runner data remove dataset/support/v1

    Parameters
    ----------
    name
        The data sets: dataset/NAME is every version, dataset/NAME/vN one.
    """
    from runner.execution.prepared_references import need_unread, trained_on
    from runner.store import prepared_data

    workspace = Workspace.current()
    if not name:
        raise UsageError("which data sets?", hint="runner data remove dataset/NAME, or dataset/NAME/vN")
    wanted: dict[str, PreparedData] = {}
    for each in name:
        found = prepared_data.find(workspace.store, each)
        _, version = prepared_data.parse(each)
        every = [found] if version else prepared_data.versions(workspace.store, found.name or "")
        wanted |= {one.reference: one for one in every}
    need_unread(workspace, list(wanted.values()))
    for model, data in trained_on(workspace.store, set(wanted)):
        say(f"warning: {model} was trained on {data}: it answers without it, and cannot be replayed")
    if yes:
        for one in wanted.values():
            prepared_data.remove(one)
    documents = [_document(one) for one in wanted.values()]
    count = len(documents)
    sets = f"{count} version{'s' if count > 1 else ''}"
    told = f"{sets} removed" if yes else f"nothing is removed yet; --yes removes {sets}"
    show(
        {"done": yes, "datasets": documents}, lambda: f"{_text(documents)}\n\n{told}", as_json=json,
        kept=told if yes else None,
    )  # fmt: skip


def _document(prepared: PreparedData) -> dict[str, Any]:
    return {
        "name": prepared.reference,
        "created": prepared.account.get("created"),
        "rows": prepared.rows,
        "bytes": prepared.bytes,
        "sha256": prepared.sha256,
        "steps": [each["step"] for each in prepared.steps],
        "path": str(prepared.path),
    }


def _text(found: list[dict[str, Any]]) -> str:
    from runner.tasks.compared import size

    if not found:
        return "no data sets are stored: `runner data split ... --store-as NAME` stores what a step made"
    rows = [
        (
            each["name"],
            ", ".join(f"{part} {rows:,}" for part, rows in each["rows"].items()),
            size(each["bytes"]),
            " > ".join(each["steps"]),
            each["created"] or "",
        )
        for each in found
    ]
    return table(("DATA SET", "ROWS", "SIZE", "STEPS", "STORED"), rows)
