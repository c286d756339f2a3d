"""The child process that uploads one entry of the outbox: it can be killed, and its SDK's state dies with it.

It reads one JSON document from standard input (the entry, the key, the server) and stays only as long as its parent
holds the other end open; it answers in the file it was told.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runner.runs.events import EventReader
from runner.store.files import write_json
from runner.store.manifest import Manifest
from runner.tracking.wandb_metrics import Rows
from runner.tracking.wandb_run import WandbIdentity, open_run

#: The SDK's service tells its failures in words; these are the words of its HTTP client and of the network's errors.
KEY = re.compile(r"\b40[13]\b|invalid API key|permission denied", re.I)
NETWORK = re.compile(
    r"\b(408|429|5\d\d)\b|time[d ]?-?out|connection|failed, giving up|retr(y|ies)|EOF|no such host|dial|unreachable",
    re.I,
)


def upload(job: dict[str, Any]) -> dict[str, Any]:
    """Bring the run's metrics up to date and log the stored model as an artifact of it.

    Both are safe to repeat: points that W&B has are not sent again, and an artifact with the same content is no new
    version. Returns ``{"version": "v0", "url": ...}``. Raises what the SDK raises.
    """
    import wandb

    entry, wait = job["entry"], float(job["wait"])
    folder = Path(entry["path"])
    manifest = Manifest.read(folder)
    who = WandbIdentity(
        run_id=entry["wandb_run_id"],
        project=entry["project"],
        entity=entry["entity"],
        name=entry["run_name"],
        group=entry["group"],
    )
    run = open_run(who, Path(job["scratch"]), config=manifest.spec, key=job["key"], url=job["url"], wait=min(wait, 60))
    if entry["run_dir"]:
        rows = Rows(run)
        for event in EventReader(Path(entry["run_dir"])).new():
            rows.add(event)
    # The files' sums stay in the manifest, which is in the artifact; what is searched for is the metadata.
    facts = {name: value for name, value in manifest.to_document().items() if name != "files"}
    artifact = wandb.Artifact(artifact_name(entry["artifact_name"]), type="model", metadata=facts)
    artifact.add_dir(str(folder))
    logged = run.log_artifact(artifact)
    logged.wait(timeout=int(wait))
    answer = {"version": logged.version, "url": run.url}
    run.finish()
    return answer


def artifact_name(name: str) -> str:
    """``name`` in the letters that W&B takes: other letters become dashes."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name)[:128]


def cause(error: BaseException) -> str:
    """What kind of failure this is, for the parent: ``key``, ``network`` or ``refused``."""
    from wandb.errors import AuthenticationError, CommError

    text = str(error)
    if isinstance(error, AuthenticationError) or KEY.search(text):
        return "key"
    if isinstance(error, (CommError, TimeoutError, ConnectionError)) or NETWORK.search(text):
        return "network"
    return "refused"


def main(
    upload: Callable[[dict[str, Any]], dict[str, Any]] = upload, cause: Callable[[BaseException], str] = cause
) -> int:
    """Read the job, do it, write the answer. The exit code says only whether there is an answer."""
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    try:
        answer: dict[str, Any] = {"ok": True} | upload(job)
    except Exception as error:  # noqa: BLE001 - every failure is the parent's to classify and print
        text = " ".join(str(error).split()) or type(error).__name__
        answer = {"ok": False, "cause": cause(error), "message": text.replace(job["key"], "***")[:500]}
        answer["hint"] = getattr(error, "hint", None)
    write_json(Path(job["answer"]), answer)
    # The parent ends what is left of the SDK's service; leaving it to the SDK would wait for its retries.
    os._exit(0)


def _leave_with_parent() -> None:
    import psutil

    sys.stdin.read()
    for process in psutil.Process().children(recursive=True):
        process.kill()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
