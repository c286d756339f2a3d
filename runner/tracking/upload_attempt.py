"""One attempt at uploading one entry of the outbox, in a child process that can be ended at any time."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.data import hub
from runner.errors import EnvironmentProblem
from runner.store.upload_queue import Entry
from runner.tracking.wandb_key import base_url


@dataclass(frozen=True)
class Service:
    """Somewhere that takes models."""

    name: str
    #: What it knows its users by, and how a user gives that.
    credential: str
    how: str
    #: The distribution of its client, and the module of the child process that uses it.
    package: str
    module: str
    url: Callable[[], str]


SERVICES = {
    "wandb": Service(
        name="W&B",
        credential="W&B key",
        how="export WANDB_API_KEY=..., or `wandb login`",
        package="wandb",
        module="runner.tracking.upload_child",
        url=base_url,
    ),
    "hub": Service(
        name="The Hub",
        credential="Hub token",
        how="export HF_TOKEN=..., or `hf auth login`",
        package="huggingface_hub",
        module="runner.tracking.hub_child",
        url=hub.site,
    ),
}
#: What to do where the key, or token, is not taken.
REFUSED = {
    "wandb": "set WANDB_API_KEY to a key of this server that may write to the project, then push again",
    "hub": "set HF_TOKEN to a token that may write to the repository, then push again",
}


def attempt(entry: Entry, key: str, timeout: float) -> dict[str, Any]:
    """Upload once, in at most ``timeout`` seconds. Returns ``{"version": ..., "url": ...}``.

    The key, or token, goes to the child through a pipe: no argument, variable or file has it. Raises
    :class:`EnvironmentProblem`, ``retryable`` where the same attempt may work a moment later.
    """
    service = SERVICES[entry.service]
    url = service.url()
    with tempfile.TemporaryDirectory(prefix="runner-push-") as scratch:
        answer = Path(scratch, "answer.json")
        job = {
            "entry": entry.as_dict(), "key": key, "url": url, "wait": timeout, "scratch": scratch,
            "answer": str(answer),
        }  # fmt: skip
        # The run's own settings come from the entry, not from variables meant for another run.
        kept = {"WANDB_BASE_URL", "WANDB_HTTP_PROXY", "WANDB_HTTPS_PROXY", "WANDB_INSECURE_DISABLE_SSL"}
        clean = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_") or name in kept}
        child = subprocess.Popen(
            # -P: a folder called wandb, which the SDK leaves where people work, is not to be imported.
            [sys.executable, "-P", "-m", service.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=clean | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        try:
            assert child.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                child.stdin.write(json.dumps(job).encode() + b"\n")
                child.stdin.flush()
            in_time = _wait_for(child, answer, timeout)
        finally:
            _end(child)
        said: dict[str, Any] | None = json.loads(answer.read_bytes()) if answer.is_file() else None
    if said is None:
        raise EnvironmentProblem(
            "the uploading process ended without an answer" if in_time else f"the upload took over {timeout:g} s",
            where=url,
            hint="push again: what is uploaded already is not sent twice",
            retryable=True,
        )
    if said["ok"]:
        return said
    if said["cause"] == "key":
        raise EnvironmentProblem(
            f"{service.name} refused the {service.credential.partition(' ')[2]}: {said['message']}",
            where=url,
            hint=REFUSED[entry.service],
        )
    if said["cause"] == "unreachable":
        raise EnvironmentProblem(
            f"{service.name} cannot be reached: {said['message']}", where=url,
            hint="`runner artifacts push` tries again, once this machine has a network", retryable=True,
        )  # fmt: skip
    if said["cause"] == "network":
        raise EnvironmentProblem(
            f"{service.name} did not take it: {said['message']}", where=url,
            hint="push again when the server answers", retryable=True,
        )  # fmt: skip
    raise EnvironmentProblem(f"{service.name} refused it: {said['message']}", where=url, hint=said.get("hint"))


def _wait_for(child: subprocess.Popen[bytes], answer: Path, timeout: float) -> bool:
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if child.poll() is not None or answer.exists():
            return True
        time.sleep(0.05)
    return False


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child and the SDK's service, which would otherwise outlive it and go on retrying."""
    import psutil

    family = []
    with contextlib.suppress(psutil.NoSuchProcess):
        family = psutil.Process(child.pid).children(recursive=True)
    if child.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            child.stdin.close()
    if child.poll() is None:
        child.kill()
    child.wait()
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
