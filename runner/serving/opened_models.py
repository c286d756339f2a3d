"""From the words of ``runner serve`` to models that answer: found, checked, loaded, each under its names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from runner import near_names
from runner.errors import UsageError
from runner.generation import Engine
from runner.generation.model_opening import is_stored, open_answerer
from runner.inference.opening import Opened, open_model
from runner.serving.language_models import LanguageModel, LanguageModels
from runner.serving.own_memory import OwnMemory
from runner.serving.row_models import RowModel
from runner.workspace import Workspace


@dataclass(frozen=True)
class Limits:
    """Of every model."""

    #: Answers that are made together, and requests that wait for their turn.
    together: int = 32
    waiting: int = 64
    #: Tokens of a prompt and its answer, at most; None: as many as the model reads.
    max_length: int | None = None
    #: Rows of a question.
    rows: int = 1024
    deterministic: bool = False


@dataclass(frozen=True)
class OpenedModels:
    """What is served."""

    language: LanguageModels
    rows: list[RowModel]
    #: A line for each name, for who started the server.
    told: list[str]
    warnings: list[str]


def open_models(
    workspace: Workspace,
    words: Sequence[str],
    *,
    aliases: Mapping[str, str] | None = None,
    defaults: Mapping[str, Any] | None = None,
    limits: Limits = Limits(),
    device: str = "cpu",
    memory: OwnMemory | None = None,
) -> OpenedModels:
    """Open every model that is named.

    ``aliases`` are other names, each of a model of ``words``; ``defaults`` options of generation for requests that name
    none; ``memory`` has the weights of what else is opened for the same server. Raises :class:`UsageError` for a name
    that stands twice, or for defaults that no model takes, and what opening a model raises:
    :class:`~runner.errors.NotFoundError`, :class:`~runner.errors.IntegrityError`.
    """
    if not words:
        raise UsageError(
            "no model is named", hint="runner serve TYPE/NAME; `runner models` lists those that are stored"
        )
    names, memory = named(words, aliases or {}), memory or OwnMemory()
    language: list[LanguageModel] = []
    rows: list[RowModel] = []
    told, warnings = list[str](), list[str]()
    for word in words:
        own = [name for name, model in names.items() if model == word]
        talks, asked = _open(workspace, word, defaults or {}, limits, device, memory, warnings)
        for name in own:
            if talks is not None:
                language.append(replace(talks, name=name))
            if asked is not None:
                rows.append(replace(asked, name=name))
        task = talks.engine.task if talks is not None else asked.opened.task if asked is not None else None
        root = talks.engine.model if talks is not None else asked.opened.reference if asked is not None else word
        told += [f"{name}: {root}, a model of {task.name if task else ''}" for name in own]
    if defaults and not language:
        raise UsageError(
            "options of generation have no effect: no model that is named makes texts",
            where="--set",
            hint="leave it out",
        )
    return OpenedModels(LanguageModels(language), rows, told, warnings)


def named(words: Sequence[str], aliases: Mapping[str, str]) -> dict[str, str]:
    """Every name with the word that it stands for. Raises :class:`UsageError`."""
    names: dict[str, str] = {}
    for word in words:
        if word in names:
            raise UsageError(f"{word} is named twice", hint="leave one out; other names: --alias NAME=TYPE/NAME")
        names[word] = word
    for alias, word in aliases.items():
        if word not in words:
            raise UsageError(
                f"{alias} stands for {word}, which is not served",
                where="--alias",
                hint=near_names.hint(word, words, f"served are {', '.join(words)}"),
            )
        if alias in names:
            raise UsageError(f"{alias} is a name already", where="--alias", hint="choose another")
        names[alias] = word
    return names


def _open(
    workspace: Workspace,
    word: str,
    defaults: Mapping[str, Any],
    limits: Limits,
    device: str,
    memory: OwnMemory,
    warnings: list[str],
) -> tuple[LanguageModel | None, RowModel | None]:
    """The two sides of a model: its texts, and its rows."""
    asked: RowModel | None = None
    if is_stored(word):
        opened = open_model(workspace, word, device=device)
        warnings += [f"{word}: {warning}" for warning in opened.warnings]
        created, manifest = created_at(opened), opened.manifest.sha256
        asked = RowModel(word, opened, workspace, created, limits.waiting, limits.rows)
        asked.load(memory)
        if not hasattr(opened.predictor_class, "decoding"):
            return None, asked
        asked = replace(asked, tried=True)
        engine = Engine(opened.predictor, opened.task, opened.reference, rows=limits.together)
    else:
        answerer, task, name, odd = open_answerer(workspace, word, device)
        warnings += [f"{word}: {warning}" for warning in odd]
        created, manifest = 0, None
        memory.keep(answerer)
        engine = Engine(answerer, task, name, rows=limits.together)
    talks = LanguageModel(
        word, engine, created, manifest, dict(defaults), limits.max_length, limits.waiting, limits.deterministic
    )
    return talks, asked


def created_at(opened: Opened) -> int:
    """When the model was stored, in Unix time; 0 where nobody knows."""
    created = opened.manifest.created
    return int(datetime.fromisoformat(created).timestamp()) if created else 0
