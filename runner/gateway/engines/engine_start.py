"""From the words of ``runner serve --engine`` to an engine that begins."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner import registry
from runner.contract.served_parts import ServedParts
from runner.errors import ConflictError, UsageError
from runner.gateway.engines.engine_completer import EngineCompleter, EngineFacts
from runner.gateway.engines.engine_process import EngineProcess
from runner.gateway.engines.known_engines import FIELDS, FoundEngine, Words, find_engine, more_flags
from runner.generation.model_opening import base_folder, is_stored
from runner.inference.opening import open_model
from runner.inference.untrained import PLAIN
from runner.serving.opened_models import Limits, created_at, named
from runner.tasks.ranking.backend_sections import Backend
from runner.workspace import Workspace

#: What a adapter may have that engines have no place for, and what it is.
NOT_SERVED = {
    "use_dora": "DoRA",
    "modules_to_save": "layers that were trained whole",
    "trainable_token_indices": "trained tokens",
}


@dataclass(frozen=True)
class EngineWords:
    """What is said of an engine."""

    engine: str
    #: Seconds until it has to be ready.
    seconds: float = 600.0
    #: Flags of its own, each as ``NAME=VALUE``.
    flags: tuple[str, ...] = ()
    #: Variables that it is not given: keys of the server's own.
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True)
class OpenedEngine:
    """An engine that begins, and what is to be said of it."""

    completer: EngineCompleter
    told: list[str]
    warnings: list[str]


def open_engine(
    workspace: Workspace,
    models: Sequence[str],
    words: EngineWords,
    *,
    aliases: Mapping[str, str],
    limits: Limits,
    say: Callable[[str], None] = lambda text: None,
    environment: Mapping[str, str] = os.environ,
) -> OpenedEngine:
    """Find the engine, check the model, and start the one with the other.

    Raises :class:`~runner.errors.EnvironmentProblem` for an engine that is not there, :class:`UsageError` for words
    that do not go together, :class:`ConflictError` for a model that no engine serves, and what opening a model raises.
    """
    if len(models) != 1:
        raise UsageError(
            f"an engine has one model, and {len(models)} are named", where="--engine",
            hint="start one server for each, on ports of their own",
        )  # fmt: skip
    (model,) = models
    names = list(named(models, aliases))
    found = find_engine(words.engine, environment)
    flags = more_flags(found.kind, words.flags)
    parts, root, created, manifest, warnings = _parts(workspace, model)
    rank = _rank(parts, root)
    if limits.max_length is not None and parts.longest is not None and limits.max_length > parts.longest:
        raise UsageError(f"{root} reads {parts.longest:,} tokens", where="--max-length", hint="ask for no more")
    scratch = Path(tempfile.mkdtemp(prefix="runner-engine-"))
    try:
        template = None
        if parts.template is not None:
            template = scratch / "chat_template.jinja"
            template.write_text(parts.template, "utf-8")
        port, name = _free_port(), names[0].replace("/", "--")
        # From wherever it is started: a relative path looks like a name of the Hub's.
        adapter = parts.adapter.absolute() if parts.adapter is not None else None
        asked = Words(
            parts.weights.absolute(), name, port, template, adapter, rank, limits.together, limits.max_length
        )  # fmt: skip
        headers, given = _environment(found, environment, words.hidden)
        process = EngineProcess([*found.command, *found.kind.flags(asked), *flags], given, scratch / "engine.log")
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    backend = Backend(url=f"http://127.0.0.1:{port}/v1", model=name, timeout=600.0, longest=86_400.0)
    does = frozenset({"completions"} | ({"chat"} if parts.template is not None else set()))
    facts = EngineFacts(root, manifest, found.said, created, does, FIELDS, found.kind.without)
    completer = EngineCompleter(
        process, backend, names, facts, headers=headers, most=limits.together + limits.waiting,
        patience=words.seconds, say=say, over=lambda: shutil.rmtree(scratch, ignore_errors=True),
    )  # fmt: skip
    told = [f"{each}: {root}, by {found.said}" for each in names]
    return OpenedEngine(completer, [*told, f"the log of {found.kind.name}: {process.log}"], warnings)


def _parts(workspace: Workspace, model: str) -> tuple[ServedParts, str, int, str | None, list[str]]:
    """The model's parts, what it is, when it was stored, its manifest's hash, and what is odd about it."""
    if is_stored(model):
        opened = open_model(workspace, model)
        own = getattr(opened.predictor_class, "parts", None)
        if own is None:
            raise ConflictError(
                f"{opened.reference} is a model of {opened.task.name}, which no engine serves",
                where="--engine", hint="without --engine, runner serves it",
            )  # fmt: skip
        parts = own(opened.path, workspace.cache)
        return parts, opened.reference, created_at(opened), opened.manifest.sha256, list(opened.warnings)
    registry.require(PLAIN)
    plain: Any = registry.load(PLAIN)
    folder = base_folder(workspace, model)
    return plain.Predictor.parts_of_base(folder), model, 0, None, []


def _rank(parts: ServedParts, root: str) -> int:
    """The greatest rank of an adapter. Raises :class:`ConflictError` for one of a form that engines do not read."""
    if parts.adapter is None:
        return 0
    document = json.loads((parts.adapter / "adapter_config.json").read_text("utf-8"))
    for field, what in NOT_SERVED.items():
        if document.get(field):
            raise ConflictError(
                f"{root} is an adapter with {what}, which no engine puts beside a base",
                where="--engine", hint=f"runner merge {root.rpartition('/')[0]} makes it a whole model",
            )  # fmt: skip
    return max([int(document["r"]), *map(int, (document.get("rank_pattern") or {}).values())])


def _environment(
    found: FoundEngine, environment: Mapping[str, str], hidden: Sequence[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """What the engine is asked with, and its variables: a key that is drawn for it, and none of the server's own."""
    given = {name: value for name, value in environment.items() if name not in hidden} | dict(found.kind.environment)
    if found.kind.key is None:
        return {}, given
    key = secrets.token_urlsafe(24)
    return {"Authorization": f"Bearer {key}"}, given | {found.kind.key: key}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
