"""What a builder sees of the world, and what the world sees of a builder.

A builder is one module, ``runner/builders/<family>/<kind>.py``, with four names:

``Spec``
    a :class:`ModelSpec`: the fields of ``model.spec`` for this kind.
``REQUIRES``
    the distributions it needs, checked before a run without importing them.
``train(spec, context) -> TrainResult``
    trains and writes the model into ``context.artifact``.
``Predictor``
    loads that folder, and nothing else, and scores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from runner.errors import Stopped

Resume = Literal["free", "warn", "refuse"]


def option(
    default: Any = ...,
    *,
    description: str,
    older: Sequence[str] | Mapping[str, Mapping[Any, Any]] = (),
    resume: Resume = "refuse",
    **constraints: Any,
) -> Any:
    """One field of a spec.

    ``older`` lists spellings that documents in the wild use: each is accepted with a warning that names the present
    one, and refused beside it. Where an older spelling had other values too, it is a mapping: ``{"bits": {4: True,
    8: False}}`` takes ``"bits": 8`` as false, and no other value. ``resume`` says what happens when the field changes
    between a run and its resumption: it may (``free``), it may with a warning, or it may not. Other words are
    pydantic's ``Field`` constraints.
    """
    extra: dict[str, Any] = {"x-resume": resume}
    if older:
        extra["x-older-spellings"] = list(older)
    if isinstance(older, Mapping):
        # Pairs rather than an object: the values of JSON are not all names.
        extra["x-older-values"] = {name: [[was, now] for was, now in values.items()] for name, values in older.items()}
    # `factory` makes a fresh mutable default; pydantic takes either, never both.
    if "factory" in constraints:
        return Field(
            default_factory=constraints.pop("factory"),
            description=description,
            json_schema_extra=extra,
            **constraints,
        )
    return Field(default, description=description, json_schema_extra=extra, **constraints)


class Section(BaseModel):
    """An object of a spec: strict, closed, frozen. Every field is declared with :func:`option`."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        frozen=True,
        protected_namespaces=(),
        validate_default=True,
    )


@dataclass(frozen=True)
class Needed:
    """What a stored model has to be, so that a spec's field may name it. Checked before a run is made."""

    #: Its kind's task, or None for any.
    task: str | None = None
    #: A folder in its artifact, such as ``llm_embedding``, or None.
    folder: str | None = None


class ModelSpec(Section):
    """``model.spec`` of one kind. Subclasses declare ``model_type: Literal["<module name>"]`` without a default."""

    #: Whether the kind goes over the data ``epochs`` times. A kind that does not ignores ``epochs``, with a warning.
    uses_epochs: ClassVar[bool] = True
    #: Whether ``batch_size`` means something to it.
    uses_batch_size: ClassVar[bool] = True
    #: The section that ``data`` is read as; it also knows how to load what it describes (:class:`DataSection`).
    data: ClassVar[type[DataSection]]
    #: What its scores mean: which of two LLMs answers better, or how many tokens an answer has.
    task: ClassVar[Literal["ranking", "length"]] = "ranking"
    #: The fields that name another stored model, and what that model has to be.
    references: ClassVar[Mapping[str, Needed]] = {}

    model_type: str


class DataSection(Section):
    """The ``data`` object of a spec: what to load, how much of it, and how to split it."""

    def load(self, context: LoadContext) -> LoadedData:
        """Read, check and split. Raises :class:`~runner.errors.DataError`, never returns an empty split silently."""
        raise NotImplementedError

    def network_needed(self, cache: Path) -> bool:
        """Whether loading reaches out of the machine (a Hub data set that no local cache holds)."""
        return False

    def check(self, cwd: Path) -> None:
        """What can be told of the user's files in an instant, before a run is made: there, readable, not empty.

        ``cwd`` is the folder that relative paths count from. Raises what :meth:`load` would.
        """

    def local_files(self) -> list[Path]:
        """The user's files that loading reads, so that an executor can mount them."""
        return []


@dataclass(frozen=True)
class LoadContext:
    """What loading may use: the model's spec (its filters), where caches are, and somewhere to say things."""

    spec: ModelSpec
    cache: Path
    emit: Callable[..., None]


@dataclass(frozen=True)
class LoadedData:
    """A loaded data set, split. What ``train`` and ``validation`` are is the family's own type."""

    train: Any
    validation: Any
    #: sha256 of what was read, so that a replay can tell whether the data is the same.
    fingerprint: str
    #: Counts for the run's record: rows read, kept, skipped by reason, sizes of the splits.
    record: dict[str, Any]


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
    #: ``emit("warning", message=..., pointer=...)``.
    emit: Callable[..., None]
    checkpoints: Checkpoints
    #: True once the run was asked to stop.
    stop_requested: Callable[[], bool]
    #: An empty folder: the builder writes its model there (safetensors and JSON only).
    artifact: Path
    #: The stored model to start from, or None.
    start_from: Path | None
    cache: Path
    #: The stored models that the spec's fields name (``ModelSpec.references``): field -> folder, manifest included.
    stored: Mapping[str, Path] = field(default_factory=dict)

    def stage(self, name: str, *, epochs: int, batch_size: int) -> TrainContext:
        """The context of one stage of a training that has several, such as the embedding of the LLMs before the scorer.

        A stage has checkpoints of its own, and the epochs of the run are the last stage's alone: those of this one
        are told as ``stage_epoch`` events with the stage's name. A stage that was finished before a stop finds its
        last checkpoint, which holds all that it made, and is over at once.
        """

        def emit(event: str, **fields: Any) -> None:
            if event == "epoch":
                self.emit("stage_epoch", stage=name, **fields)
            elif event == "progress":
                # Within an epoch of a stage, "epoch" would be read as the run's own.
                inner = {key: value for key, value in fields.items() if key not in ("epoch", "epochs")}
                self.emit("progress", **(inner | {"stage": name}))
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


class Predictor(Protocol):
    """A stored model that scores. It loads from its folder alone: no training data, no Hub, no network."""

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> Predictor:
        """Read what ``train`` wrote into ``context.artifact``."""

    @property
    def models(self) -> Sequence[str]:
        """The LLMs that it knows, in a fixed order."""

    def predict(
        self,
        prompts: Sequence[str],
        models: Sequence[str],
        batch_size: int = 128,
        *,
        histories: Sequence[Sequence[str]] | None = None,
        tags: Any = None,
    ) -> Any:
        """Scores, float64 ``[len(models), len(prompts)]``; a row of NaN for a model it does not know.

        ``histories`` has each prompt's earlier turns, oldest first, and ``tags`` is float32 ``[len(prompts), 12]`` of
        category tags, NaN where unknown. Without them a prompt opens its conversation and nothing is known of it.
        """


class EmbedsLlms(Protocol):
    """What a :class:`Predictor` adds that can score an LLM it has never seen, from what that LLM answered."""

    def add_llm(self, name: str, prompts: Sequence[str], responses: Sequence[str]) -> None:
        """Know one more LLM, by its (prompt, response) pairs, at least one. A known name is replaced."""


class Builder(Protocol):
    """A builder's module, as the registry hands it over."""

    Spec: type[ModelSpec]
    REQUIRES: Sequence[str]
    Predictor: type[Predictor]

    def train(self, spec: Any, context: TrainContext) -> TrainResult: ...
