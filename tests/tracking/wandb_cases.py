"""What the W&B tests share: a clean environment, a finished run, and looking for a planted key."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from runner.runs.event_kinds import Event, read_event
from runner.runs.events import EventWriter
from runner.runs.run_folder import Run
from runner.store.manifest import ModelFacts
from runner.store.model_lookup import StoredModel
from runner.store.model_storing import promote
from runner.workspace import Workspace
from tests.tracking.wandb_server import WandbServer

#: As long as the SDK demands; no part of it is found anywhere by chance.
KEY = "planted_key_Zq8vT3mW5xR7yB1nC4kD6fG9hJ2s"
SECTION = {"project": "routing", "experiment_name": "dense", "config_name": "wide", "artifact_name": "router"}
SPEC = {"wandb": SECTION, "model": {"name": "x", "spec": {"model_type": "dense_network"}}}


@contextmanager
def clean_environment(home: Path) -> Iterator[None]:
    """No W&B setting of the person who runs the tests, and a home of the test's own."""
    before = dict(os.environ)
    for name in list(os.environ):
        if name.startswith("WANDB_") or name == "NETRC":
            del os.environ[name]
    os.environ["HOME"] = str(home)
    try:
        yield
    finally:
        import wandb

        wandb.teardown()
        os.environ.clear()
        os.environ.update(before)


def event(kind: str, **fields: Any) -> Event:
    return read_event({"t": time.time(), "event": kind} | fields)


def epoch(number: int, epochs: int = 5) -> Event:
    return event(
        "epoch", epoch=number, epochs=epochs, metrics={"train_loss": 1 / number, "accuracy": None}, best=number == 2
    )


def finished_run(workspace: Workspace, epochs: int = 3) -> tuple[Run, StoredModel]:
    """A run that trained ``epochs`` epochs, and its model in the store."""
    run = Run.create(workspace.runs, "x", {"spec": SPEC})
    events = EventWriter(run.path)
    for number in range(1, epochs + 1):
        events.emit("epoch", epoch=number, epochs=epochs, metrics={"train_loss": 1 / number}, best=False)
    events.emit("metrics", metrics={"accuracy": 0.75})
    events.close()
    (run.path / "artifact" / "weights.safetensors").write_bytes(os.urandom(70_000))
    (run.path / "artifact" / "model.json").write_text('{"hidden": [4]}')
    model = promote(workspace.store, "dense_network", "x", run.path / "artifact", ModelFacts(run=run.id, spec=SPEC))
    return run, model


def epochs_of(server: WandbServer, run_id: str) -> list[float]:
    return [row["epoch"] for row in server.history(run_id)]


def disguises(secret: str) -> list[bytes]:
    """The ways a secret may be written: plain, urlencoded, and the part of its base64 that no neighbour changes."""
    found = [secret.encode(), quote(secret, safe="").encode()]
    for shift in range(3):
        code = base64.b64encode(b"\0" * shift + secret.encode())
        found.append(code[4:-4])
        found.append(code[4:-4].replace(b"+", b"-").replace(b"/", b"_"))
    return found


def files_with(secret: str, folder: Path) -> list[Path]:
    """Every file under ``folder``, or name of one, that holds the secret in any disguise."""
    return [
        path
        for path in folder.rglob("*")
        if any(
            disguise in str(path).encode() or (path.is_file() and disguise in path.read_bytes())
            for disguise in disguises(secret)
        )
    ]
