"""Replaying a stored model: its spec again, on what its lock names, and what came out differently."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from runner.errors import ConflictError
from runner.execution.image_lookup import source_hash
from runner.execution.train_and_resume import train
from runner.spec import pointers
from runner.spec.checking import load_object
from runner.store.manifest import Manifest
from runner.store.model_lookup import find, open_verified
from runner.tracking.run_listeners import Listener
from runner.workspace import Workspace

#: Entries of the lock that are told by others: an image by its digest, a machine by what it computed, a pipeline by its
#: steps.
_CIRCUMSTANCE = {"hardware", "image", "pipeline"}


def replay(
    reference: str,
    workspace: Workspace,
    *,
    executor: str | None = None,
    listeners: Sequence[Listener] = (),
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Train the stored model's spec again and compare: lock, metrics, and the sha256 of every file.

    The report has ``original``, ``replayed`` (references), ``same`` and ``differences`` (rows of what, was, is).
    Raises what training raises; nothing is compared then. And :class:`ConflictError` for a model that was extended.
    """
    stored, manifest = open_verified(workspace.store, reference, workspace.cache)
    if manifest.extension:
        parent = str(manifest.extension.get("from"))
        raise ConflictError(
            f"{stored.reference} was not trained: an LLM joined {parent}",
            where=stored.reference,
            hint=f"runner replay {parent}",
        )
    if manifest.merged_from:
        raise ConflictError(
            f"{stored.reference} was not trained: it is {manifest.merged_from} and its base as one model",
            where=stored.reference,
            hint=f"runner replay {manifest.merged_from}",
        )
    lock = manifest.lock
    if lock.spec_hash is None and lock.seed is not None:
        raise ConflictError(
            f"{stored.reference} was trained step by step, by a program: there is no training to repeat",
            where=stored.reference,
            hint="run the program again",
        )
    if lock.code != source_hash():
        say(f"the code has changed since {stored.reference} was trained ({lock.code}, now {source_hash()})")
    # What is compared is pushed nowhere.
    document = {name: value for name, value in manifest.spec.items() if name != "hub"}
    if manifest.parent:
        document["model"] = {"name": stored.name, "start_state": manifest.parent}
    pinned_references = False
    for name, pinned_reference in manifest.references.items():
        # By its version: the name alone may stand for a newer model by now.
        if find(workspace.store, pointers.get(document, f"/model/spec/{name}")).reference != pinned_reference:
            document = pointers.put(document, f"/model/spec/{name}", pinned_reference)
            pinned_references = True
    if (document.get("run") or {}).get("engine") is not None:
        # There the same spec is the same run, whose model would be fetched: nothing would be trained.
        section = {name: value for name, value in document["run"].items() if name != "engine"}
        document["run"] = section | {"executor": "local"}
    if lock.image and executor in (None, "docker"):
        # The digest, not the name: a name may stand for another image by now.
        pinned = {"executor": "docker", "image": lock.image_digest or lock.image}
        document["run"] = (document.get("run") or {}) | pinned
    elif executor is None:
        executor = "local"
    finished = train(
        load_object(document, source=f"the manifest of {stored.reference}"),
        workspace,
        executor=executor,
        listeners=listeners,
    )
    again = finished.model.manifest()
    differences = [
        row
        for row in compare(manifest, again)
        # Naming a version where the spec named none is not another spec.
        if not (pinned_references and row["what"] == "lock.spec_hash")
    ]
    return {
        "original": stored.reference,
        "replayed": finished.model.reference,
        "run": finished.run.id,
        # The same model, if perhaps by other means: a difference of the lock alone is told, and is no failure.
        "same": all(row["what"].startswith("lock.") for row in differences),
        "differences": differences,
    }


def compare(was: Manifest, now: Manifest) -> list[dict[str, Any]]:
    """The differences of two manifests, most telling first: lock, metrics, files."""
    rows: list[dict[str, Any]] = []
    sections = ("lock", was.lock.to_document(), now.lock.to_document()), ("metrics", was.metrics, now.metrics)
    for section, of_was, of_now in sections:
        before, after = _flat(of_was), _flat(of_now)
        for key in sorted(before.keys() | after.keys()):
            if key.split(".")[0] not in _CIRCUMSTANCE and before.get(key) != after.get(key):
                rows.append({"what": f"{section}.{key}", "was": before.get(key), "is": after.get(key)})
    first, second = ({name: file.sha256 for name, file in each.files.items()} for each in (was, now))
    for name in sorted(first.keys() | second.keys()):
        if first.get(name) != second.get(name):
            rows.append({"what": f"files.{name}", "was": first.get(name, "-")[:12], "is": second.get(name, "-")[:12]})
    return rows


def _flat(value: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, item in value.items():
        flat |= _flat(item, f"{prefix}{key}.") if isinstance(item, dict) else {f"{prefix}{key}": item}
    return flat
