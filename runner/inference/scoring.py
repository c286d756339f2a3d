"""A stored model in, the output document out: scores by model name, and where they came from beside it."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from runner import __version__, registry
from runner.errors import ConflictError, EnvironmentProblem, NotFoundError, RunnerError, UsageError
from runner.store.files import cannot_write, write_json
from runner.store.models import StoredModel, open_verified
from runner.store.names import parse_reference
from runner.workspace import Workspace

Unknown = Literal["zero", "null", "error"]


@dataclass(frozen=True)
class Scores:
    """What ``infer`` found out."""

    #: model name -> one score per prompt, in the prompts' order; None where ``unknown`` is ``null``.
    scores: dict[str, list[float | None]]
    provenance: dict[str, Any]
    warnings: list[str]
    model: StoredModel


def score(
    workspace: Workspace,
    reference: str,
    models: Sequence[str],
    prompts: Sequence[str],
    *,
    batch_size: int = 128,
    unknown: Unknown = "zero",
    device: str = "cpu",
) -> Scores:
    """Score every (model, prompt) pair. Raises :class:`UsageError` for empty lists, :class:`NotFoundError` for a
    stored model or type that is not there, and, with ``unknown="error"``, for an LLM that it does not know."""
    if not models:
        raise UsageError("no models to score", where="--models-to-score", hint="name at least one LLM")
    if not prompts:
        raise UsageError("no prompts", where="--prompts", hint="give at least one prompt")
    if batch_size < 1:
        raise UsageError(f"the batch size is {batch_size}", where="--batch-size", hint="it is 1 or more")
    if "" in models:
        raise UsageError("an LLM's name is empty", where="--models-to-score", hint="leave it out")
    _need_text("--models-to-score", models)
    _need_text("--prompts", prompts)
    wanted = parse_reference(reference)
    if wanted.model_type is not None and not (workspace.store / wanted.model_type).is_dir():
        registry.load(wanted.model_type)  # a type that does not exist at all is a better message than a missing model
    stored, manifest = open_verified(workspace.store, wanted)
    registry.require(stored.model_type)
    names = list(dict.fromkeys(models))
    started = time.perf_counter()
    builder = registry.load(stored.model_type)
    warnings = []
    if device == "cuda" and not _cuda_is_here(builder.REQUIRES):
        warnings.append(f"{stored.model_type} computes on the CPU")
        device = "cpu"
    predictor = builder.Predictor.load(stored.path, device=device)
    strangers = [name for name in names if name not in set(predictor.models)]
    if strangers and unknown == "error":
        raise NotFoundError(
            f"{stored.reference} does not know {', '.join(map(repr, strangers))}",
            where="--models-to-score",
            hint=_nearest(strangers[0], predictor.models),
        )
    matrix = predictor.predict(list(prompts), names, batch_size)
    fill = 0.0 if unknown == "zero" else None
    scores = {
        name: [fill if math.isnan(value) else float(value) for value in row]
        for name, row in zip(names, matrix, strict=True)
    }
    if strangers:
        meaning = "scored 0, which is not an average" if unknown == "zero" else "scored null"
        warnings.append(f"unseen in training, {meaning}: {', '.join(strangers)}")
    provenance = {
        "model": stored.reference,
        "manifest_sha256": manifest["sha256"],
        "run": manifest.get("run"),
        "runner": __version__,
        "created": datetime.now().astimezone().isoformat(),
        "known_models": [name for name in names if name not in strangers],
        "unknown_models": strangers,
        "unknown": unknown,
        "prompts": len(prompts),
        "prompts_sha256": sha256(json.dumps(list(prompts)).encode()).hexdigest(),
        "batch_size": batch_size,
        "device": device,
        "seconds": round(time.perf_counter() - started, 3),
    }
    return Scores(scores, provenance, warnings, stored)


def _need_text(flag: str, words: Sequence[str]) -> None:
    """Raise :class:`UsageError` for a word whose bytes are not UTF-8: no document could hold it, no model read it."""
    for number, word in enumerate(words, 1):
        try:
            word.encode()
        except UnicodeEncodeError:
            raise UsageError(f"word {number} is not UTF-8 text: {word!r}", where=flag) from None


def _cuda_is_here(requires: Sequence[str]) -> bool:
    """False for a kind that computes without torch. Raises :class:`EnvironmentProblem` where CUDA finds no GPU."""
    if "torch" not in requires:
        return False
    import torch

    if not torch.cuda.is_available():
        raise EnvironmentProblem(
            "CUDA finds no GPU here", where="--device", hint="--device cpu, or `runner doctor` for what is missing"
        )
    return True


def reserve(workspace: Workspace, output: Path | None, name: str) -> Path:
    """The file that the scores go to, checked for being writable before anything is computed.

    Without ``output`` it is ``<outputs>/<timestamp>_<model name>.json``, microseconds included and created on the
    spot, so that two inferences never write over each other.
    """
    if output is not None:
        # A link stays a link: what it leads to is written.
        output = output.resolve() if output.is_symlink() else output
        if output.is_dir():
            raise UsageError("is a directory", where=str(output), hint="--output-path names a file")
        if output.exists() and not output.is_file():
            raise UsageError(
                "is not a regular file",
                where=str(output),
                hint="scores and their provenance are two files; for a pipe: --output-path -",
            )
        folder = output.parent
        if not folder.is_dir():
            raise NotFoundError("there is no such folder", where=str(folder), hint="make it first")
        if not os.access(output if output.exists() else folder, os.W_OK):
            raise cannot_write(output, PermissionError(13, "permission denied"))
        return output
    try:
        workspace.outputs.mkdir(parents=True, exist_ok=True)
        for _ in range(1000):
            path = workspace.outputs / f"{datetime.now():%Y%m%d-%H%M%S-%f}_{name}.json"
            try:
                path.touch(exist_ok=False)
            except FileExistsError:
                continue
            return path
    except OSError as error:
        raise cannot_write(workspace.outputs, error) from error
    raise ConflictError("no free file name", where=str(workspace.outputs))


def write_scores(path: Path, result: Scores) -> Path:
    """Write the documented shape, and ``<name>.provenance.json`` beside it. Returns the latter's path."""
    beside = path.with_name(path.stem + ".provenance.json")
    try:
        write_json(path, result.scores)
        write_json(beside, result.provenance | {"output": path.name})
    except RunnerError:
        if path.exists() and path.stat().st_size == 0:
            path.unlink()
        raise
    return beside


def _nearest(name: str, known: Sequence[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"it knows {len(known)} models: " + ", ".join(list(known)[:8])
