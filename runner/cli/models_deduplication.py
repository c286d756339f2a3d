"""``runner models deduplicate``"""

from __future__ import annotations

from runner.cli.output import say, show
from runner.cli.parameters import Json
from runner.cli.removal_report import Yes
from runner.workspace import Workspace


def deduplicate(*, yes: Yes = False, json: Json = False) -> None:
    """Make one file of what several stored models have a copy of each. New models are stored so anyway; this is for a
    store from before, or one that was copied.

    Example: runner models deduplicate

    """
    from runner.store.sharing import copies, share_copies
    from runner.tasks.compared import size

    store = Workspace.current().store
    found = copies(store)
    refused = share_copies(store, found) if yes else []
    for sentence in refused:
        say(sentence)
    left = copies(store) if yes else found
    files, freed = (found.files - left.files, found.bytes - left.bytes) if yes else (found.files, found.bytes)
    told = f"{files} cop{'y' if files == 1 else 'ies'} in {len(found.models)} models"

    def human() -> str:
        if not found.files:
            return "no file is in the store twice"
        if yes:
            return f"{told} made links, {size(freed)} free again"
        return f"nothing is done yet; --yes makes links of {told}: {size(freed)} are free then"

    document = {
        "done": yes,
        "models": [model.reference for model in found.models],
        "files": files,
        "bytes": freed,
        "refused": refused,
    }
    show(document, human, as_json=json, kept=f"{told} made links" if yes else None)
