"""What a run made, brought from its directory and checked, byte by byte."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from runner.engines import whole_folders
from runner.engines.run_root import Done, RunRoot, attempt_folder, checksum
from runner.errors import IntegrityError, NotFoundError
from runner.store.files import write_json


def need_whole(root: RunRoot) -> Done:
    """Look whether what a run that is done says it made is there. Every name is looked for, and no file is read.

    Raises :class:`NotFoundError` for a run that is not done, :class:`IntegrityError` for one whose artifact is gone or
    another.
    """
    done = root.done()
    if done is None:
        raise NotFoundError("the run is not done", where=root.address, hint=f"runner remote status {root.address}")
    folder = f"{attempt_folder(done.attempt)}/artifact"
    data = root.storage.read(f"{folder}/{whole_folders.MANIFEST}")
    if data is None or checksum(data) != done.artifact:
        raise IntegrityError("the artifact is not the one that was made", where=f"{root.address}/{folder}")
    found = whole_folders.manifest(root.storage, folder)
    there = set(root.storage.tree(folder))
    for name in found.files if found else ():
        if f"{folder}/{name}" not in there:
            raise IntegrityError("a file of the artifact is missing", where=f"{root.address}/{folder}/{name}")
    return done


def fetch(root: RunRoot, run: Path) -> None:
    """Bring the artifact and its documents into a local run's directory; ``outcome.json`` last: with it, it is done.

    Raises what :func:`need_whole` raises, and :class:`IntegrityError` for a file whose checksum is another.
    """
    done = need_whole(root)
    folder = attempt_folder(done.attempt)
    aside = run / ".artifact.partial"
    shutil.rmtree(aside, ignore_errors=True)
    whole_folders.get(root.storage, f"{folder}/artifact", aside, expected=done.artifact)
    shutil.rmtree(run / "artifact", ignore_errors=True)
    aside.rename(run / "artifact")
    for name, expected in sorted(done.documents.items(), key=lambda each: each[0] == "outcome"):
        data = root.storage.read(f"{folder}/{name}.json")
        if data is None or checksum(data) != expected:
            raise IntegrityError(
                "this is not the document that was written", where=f"{root.address}/{folder}/{name}.json"
            )
        write_json(run / f"{name}.json", json.loads(data))
