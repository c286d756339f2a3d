"""What a table of fields is made of: another value for each, and what a training with it leaves that is different."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from runner import registry
from runner.contract import LoadedData, TrainContext
from runner.execution.worker import seed_of
from runner.runs.checkpoints import RunCheckpoints
from runner.spec.checking import load_object
from tests.builders.conftest import Emitted

#: A rate at which few steps show, and the plainest adapter.
RATE = {"optimizer_type": "adamw", "learning_rate": 0.003}
LORA = {"method": "lora", "rank": 4, "dropout": 0.0}


@dataclass(frozen=True)
class Seen:
    """What a training left: weights by name, files, measured steps, forward passes of layers."""

    weights: str
    files: tuple[str, ...]
    steps: tuple[tuple[Any, ...], ...]
    passes: int


@dataclass(frozen=True)
class Row:
    """Another value of a field, and what is different then."""

    value: Any
    #: ``weights``, ``files``, ``steps`` or ``passes`` of :class:`Seen`.
    changes: str = "weights"
    #: Fields that both trainings have.
    beside: dict[str, Any] = field(default_factory=dict)
    epochs: int = 1
    #: Whether the held-out rows prefer what those of training do not, so that training makes them worse.
    contrary: bool = False


def seen(fields: Mapping[str, Any], data: LoadedData, epochs: int, folder: Path, layer: str) -> Seen:
    """Train in ``folder``, which is taken away again. ``layer`` is the class whose passes are counted."""
    spec = load_object({"model": {"name": "m", "spec": dict(fields)}, "data": {"dataset": "sample"}}).spec
    emitted = Emitted()
    context = TrainContext(
        data=data,
        epochs=epochs,
        batch_size=2,
        seed=seed_of(spec),
        device="cpu",
        print_every=1,
        emit=emitted,
        checkpoints=RunCheckpoints(folder / "checkpoints", emitted),
        stop_requested=threading.Event().is_set,
        artifact=folder / "artifact",
        start_from=None,
        cache=folder / "cache",
    )
    context.artifact.mkdir()
    with _Passes(layer) as passes:
        registry.load(fields["model_type"]).train(spec.model.spec, context)
    told = hashlib.sha256()
    for file in sorted(context.artifact.glob("*.safetensors")):
        for name, tensor in sorted(load_file(file).items()):
            told.update(name.encode() + tensor.contiguous().view(torch.uint8).numpy().tobytes())
    steps = tuple(
        (event["event"], event.get("step"), event.get("epoch"))
        for event in emitted
        if event["event"] in ("epoch", "step")
    )
    files = tuple(sorted(path.name for path in context.artifact.iterdir()))
    shutil.rmtree(folder)
    return Seen(told.hexdigest(), files, steps, passes.count)


def text_of(fields: Mapping[str, Any]) -> str:
    """By which a training is known that was run before."""
    return json.dumps(fields, sort_keys=True)


def scaled(base: Path, folder: Path) -> Path:
    """The same model with weights a tenth larger."""
    shutil.copytree(base, folder)
    file = folder / "model.safetensors"
    save_file({name: tensor * 1.1 for name, tensor in load_file(file).items()}, file, {"format": "pt"})
    return folder


class _Passes:
    """Counts how often a layer of a transformer is begun in training, by torch's own hook."""

    def __init__(self, layer: str) -> None:
        self.count, self._layer = 0, layer

    def __enter__(self) -> _Passes:
        self._hook = torch.nn.modules.module.register_module_forward_pre_hook(self._see)
        return self

    def __exit__(self, *_: object) -> None:
        self._hook.remove()

    def _see(self, module: torch.nn.Module, *_: object) -> None:
        self.count += module.training and type(module).__name__ == self._layer
