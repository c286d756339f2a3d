"""Opens a W&B run: keeps its identity, and sets the SDK's options."""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from runner.errors import IntegrityError
from runner.store.files import read_json, write_json
from runner.store.typed_documents import Misfit, TypedDocument

IDENTITY = "wandb.json"
#: Variables by which an agent of a W&B sweep says which run it has begun.
AGENT = ("WANDB_SWEEP_ID", "WANDB_RUN_ID", "WANDB_PROJECT")


@dataclass(frozen=True, kw_only=True)
class WandbIdentity(TypedDocument):
    """Who a run is on W&B, as ``wandb.json`` keeps it."""

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"sweep"})

    run_id: str
    project: str
    entity: str | None = None
    group: str | None = None
    name: str
    #: The sweep on W&B that it is a trial of.
    sweep: str | None = None


def mode() -> str:
    """``WANDB_MODE`` as the SDK reads it: ``online``, ``offline`` or ``disabled``."""
    return {"dryrun": "offline", "offline": "offline", "disabled": "disabled"}.get(
        os.environ.get("WANDB_MODE", "").strip().lower(), "online"
    )


def identity(run_dir: Path, section: Mapping[str, Any]) -> WandbIdentity:
    """Who a run directory is on W&B: made once, kept in ``wandb.json``, the same for every resumption and upload.

    ``section`` is the spec's ``wandb`` object. The run is named by experiment and configuration, and grouped by
    experiment. Where an agent of a W&B sweep started us, it is the run that the agent has begun there. Raises
    :class:`~runner.errors.EnvironmentProblem` where the directory cannot be written.
    """
    path = run_dir / IDENTITY
    try:
        return WandbIdentity.from_document(read_json(path))
    except (FileNotFoundError, IntegrityError, Misfit):
        pass
    experiment, config = section.get("experiment_name"), section.get("config_name")
    sweep, begun, project = (os.environ.get(name) or None for name in AGENT)
    if sweep is None or begun is None:
        sweep = begun = project = None
    known = WandbIdentity(
        run_id=begun or secrets.token_hex(8),
        project=project or section["project"],
        entity=os.environ.get("WANDB_ENTITY") or None,
        group=experiment,
        name="/".join(part for part in (experiment, config) if part) or run_dir.name,
        sweep=sweep,
    )
    write_json(path, known.to_document())
    return known


def open_run(
    who: WandbIdentity, root: Path, *, config: Mapping[str, Any] | None, key: str | None, url: str, wait: float
) -> Any:
    """A ``wandb.Run``: online with a key, else offline; under ``root``; resumed if the server knows its id.

    ``wait`` bounds, in seconds, both the start and the end of it. Raises what the SDK raises.
    """
    # Nothing but the run's own data goes to the server, and to no third party.
    os.environ.update(WANDB_SILENT="true", WANDB_ERROR_REPORTING="false")
    # The SDK's own folders: a container's home is read-only, and staged copies are not left in a user's.
    for name in ("WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR"):
        os.environ.setdefault(name, str(root / "wandb" / name.split("_")[1].lower()))
    import wandb

    settings = wandb.Settings(
        mode="online" if key else "offline",
        api_key=key,
        base_url=url,
        root_dir=str(root),
        use_dot_wandb=False,
        run_id=who.run_id,
        sweep_id=who.sweep,
        resume="allow" if key else None,
        project=who.project,
        entity=who.entity,
        run_name=who.name,
        run_group=who.group,
        run_job_type="train",
        init_timeout=wait,
        finish_timeout=wait,
        finish_timeout_raises=True,
        # What breaks is kept on disk and sent again later: nobody waits for it now.
        x_graphql_retry_max=3,
        x_graphql_retry_wait_max_seconds=3.0,
        x_graphql_timeout_seconds=wait,
        x_file_stream_retry_max=3,
        x_file_stream_retry_wait_max_seconds=3.0,
        x_file_stream_timeout_seconds=wait,
        x_file_transfer_retry_max=3,
        x_file_transfer_retry_wait_max_seconds=3.0,
        x_file_stream_transmit_interval=1.0,
        # The stop button on W&B's page asks for what SIGTERM asks for: a checkpoint, then the end.
        stop_fn=lambda: os.kill(os.getpid(), signal.SIGTERM),
        reinit="finish_previous",
        silent=True,
        console="off",
        symlink=False,
        program="runner",
        host="runner",
        save_code=False,
        disable_code=True,
        disable_git=True,
        disable_job_creation=True,
        label_disable=True,
        x_disable_meta=True,
        x_disable_machine_info=True,
        x_disable_stats=True,
        x_save_requirements=False,
    )
    try:
        return wandb.init(settings=settings, config=dict(config) if config is not None else None)
    except BaseException:
        # The SDK's service keeps the id of a run that could not start: a second try needs a fresh service.
        wandb.teardown(exit_code=1)
        raise
