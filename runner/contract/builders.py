"""Training, and what it leaves: the context that a builder gets, its checkpoints, its result, its predictor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from runner.contract.foreign_code import CodeRunner
from runner.contract.layouts import LoadedData
from runner.contract.models import ModelSpec
from runner.contract.processes import Processes
from runner.contract.tasks import Task
from runner.errors import Stopped


class Checkpoint(Protocol):
    """A saved point of a run: ``step`` is the builder's own count of finished work."""

    @property
    def step(self) -> int: ...
    @property
    def tensors(self) -> Mapping[str, Any]: ...
    @property
    def state(self) -> dict[str, Any]: ...


class Checkpoints(Protocol):
    """The run's checkpoints. Saving is atomic; a checkpoint that does not match its checksum is passed over."""

    def save(self, step: int, tensors: Mapping[str, Any], state: dict[str, Any]) -> None:
        """Keep tensors (numpy or torch, by name) and a JSON-able state as the run's newest point."""

    def latest(self) -> Checkpoint | None:
        """The newest whole checkpoint, or None in a run that starts."""

    def stage(self, name: str) -> Checkpoints:
        """The checkpoints of one stage of the training, apart from the others'."""


@dataclass
class TrainContext:
    """Everything that training may know. No Docker, no W&B, no path but its own."""

    data: LoadedData
    epochs: int
    batch_size: int
    seed: int
    #: ``cpu`` or ``cuda``: decided by the worker, which fails rather than fall back.
    device: str
    print_every: int
    #: ``emit("epoch", epoch=3, epochs=10, metrics={...})``, ``emit("progress", done=5, total=80, metrics={...})``,
    #: ``emit("step", step=40, steps=400, epoch=0.4, tokens=81920, metrics={...}, best=True)`` where epochs are few,
    #: ``emit("stopped_early", done=12, total=100, unit="epochs", patience=10, min_delta=0.0)``, once at the end,
    #: ``emit("warning", message=..., pointer=...)``.
    emit: Callable[..., None]
    checkpoints: Checkpoints
    #: True once the run was asked to stop: at the same call in all its processes.
    stop_requested: Callable[[], bool]
    #: An empty folder: the builder writes its model there (safetensors and JSON only), in the first process.
    artifact: Path
    #: The stored model to start from, or None.
    start_from: Path | None
    cache: Path
    #: The stored models that the spec's fields name (``ModelSpec.references``): field -> folder, manifest included.
    stored: Mapping[str, Path] = field(default_factory=dict)
    #: Those that train this model together; a kind without ``takes_processes`` is alone.
    processes: Processes = field(default_factory=Processes)
    #: Where the spec says ``batch_size: "auto"``: how many examples go through the model at a time, to begin with. A
    #: step has as many as with ``batch_size``, which is the kind's default then.
    at_once: int | None = None
    #: Where code runs that a model wrote; there for a spec that says so (``ModelSpec.runs_code``).
    code: CodeRunner | None = None

    def stage(self, name: str, *, epochs: int, batch_size: int) -> TrainContext:
        """The context of one stage of a training that has several, such as the embedding of the LLMs before the scorer.

        A stage has checkpoints of its own, and the epochs of the run are the last stage's alone: those of this one
        are told as ``stage_epoch`` events with the stage's name. A stage that was finished before a stop finds its
        last checkpoint, which holds all that it made, and is over at once.
        """

        def emit(event: str, **fields: Any) -> None:
            if event == "epoch":
                self.emit("stage_epoch", stage=name, **fields)
            elif event in ("progress", "step"):
                if event == "step":
                    fields = {"done": fields.get("step"), "total": fields.get("steps"), "unit": "steps"} | {
                        "metrics": fields.get("metrics", {})
                    }
                # Within an epoch of a stage, "epoch" would be read as the run's own.
                inner = {key: value for key, value in fields.items() if key not in ("epoch", "epochs")}
                self.emit("progress", **(inner | {"stage": name}))
            elif event == "stopped_early":
                self.emit(event, **({"phase": name} | fields))
            else:
                self.emit(event, **fields)

        return replace(self, epochs=epochs, batch_size=batch_size, emit=emit, checkpoints=self.checkpoints.stage(name))

    def stop_here(self, step: int, tensors: Mapping[str, Any], state: dict[str, Any]) -> None:
        """Save a checkpoint and leave, if the run was asked to stop; else do nothing."""
        if self.stop_requested():
            self.checkpoints.save(step, tensors, state)
            raise Stopped(f"stopped at step {step}, checkpoint saved")


@dataclass
class TrainResult:
    """What training leaves beside the files in ``context.artifact``."""

    #: Scalars by name, the same names in every kind of a family: ``accuracy``, ``log_loss``, ...
    metrics: dict[str, float | int | None]
    #: Finished epochs, and the one that was kept (1 is the first), where the kind has epochs.
    epochs: int | None = None
    best_epoch: int | None = None
    #: JSON-able tables for the report: ``leaderboard``, ``calibration``, ``baselines``.
    tables: dict[str, Any] = field(default_factory=dict)
    #: What was calibrated and is used at inference, such as a decision threshold: kept in the manifest, no metric.
    parameters: dict[str, Any] = field(default_factory=dict)


class Predictor(Protocol):
    """A stored model that answers. It loads from its folder alone: no training data, no Hub, no network."""

    @classmethod
    def load(cls, directory: Path, device: str = "cpu", cache: Path | None = None) -> Predictor:
        """Read what ``train`` wrote into ``context.artifact``. ``cache`` may spare it work that was done before."""

    def predict(self, rows: Sequence[Any], options: Any, batch_size: int) -> Any:
        """Answers, in the rows' order, of the shape that the task says."""


class Builder(Protocol):
    """A builder's module, as the registry hands it over."""

    Spec: type[ModelSpec]
    TASK: Task
    REQUIRES: Sequence[str]
    Predictor: type[Any]

    def train(self, spec: Any, context: TrainContext) -> TrainResult: ...
