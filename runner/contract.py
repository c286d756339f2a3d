"""What a builder sees of the world, and what the world sees of a builder.

A builder is one module or package, ``runner/builders/<family>/<kind>``, with five names:

``Spec``
    a :class:`ModelSpec`: the fields of ``model.spec`` for this kind.
``TASK``
    a :class:`Task`: what its models answer, and how that is judged.
``REQUIRES``
    the distributions it needs, checked before a run without importing them.
``train(spec, context) -> TrainResult``
    trains and writes the model into ``context.artifact``.
``Predictor``
    loads that folder, and nothing else, and answers.

Of a package, ``__init__`` has the first three, ``training`` has ``train`` and ``predictor`` has ``Predictor``, so that
checking a spec loads neither.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Literal, Protocol, Self

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
class Measure:
    """One figure that a task's models are judged by, and how it reads."""

    #: Its name in the metrics.
    metric: str
    #: It in words, for a card or a curve, and short, for a column of a table.
    label: str
    column: str
    #: None: four significant figures, for a measure in the target's own unit.
    decimals: int | None = 3
    better: Literal["higher", "lower"] = "higher"
    #: Whether the metrics ``<metric>_low`` and ``<metric>_high`` are its 95 % interval.
    interval: bool = False

    @property
    def low(self) -> str:
        """The metric that is the lower end of its interval."""
        return f"{self.metric}_low"

    @property
    def high(self) -> str:
        """The upper end."""
        return f"{self.metric}_high"

    def key(self, value: float) -> float:
        """A number to sort by: the greater, the better."""
        return value if self.better == "higher" else -value


#: How a table is drawn on a page, beside its rows: points over ``x``, bars of one number a row, a matrix of cells,
#: the curve of a calibration, predicted over true values, a histogram.
Plot = Literal["line", "bars", "matrix", "calibration", "scatter", "histogram"]


@dataclass(frozen=True)
class Table:
    """What a terminal, a page and Markdown render alike. Cells are text, numbers, booleans or None.

    ``plot`` draws it on a page: ``line`` takes the first column as x and the others as lines, ``bars`` the first as
    names and the second as lengths (a third and fourth are the interval), ``matrix`` the first as row names,
    ``calibration`` columns ``predicted``, ``observed``, ``count``, ``scatter`` the first two as x and y, ``histogram``
    the first as left edges, the second as counts.
    """

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    plot: Plot | None = None
    #: A sentence below the title.
    note: str = ""
    #: Decimals by column; a column without keeps the number's own four figures.
    decimals: Mapping[str, int | None] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The table as ``tables.json`` and the manifest hold it."""
        return asdict(self) | {"columns": list(self.columns), "rows": [list(row) for row in self.rows]}

    @classmethod
    def read(cls, document: Any) -> Table | None:
        """A recorded table, or None for what is none: older tables are lists of objects that their task reads."""
        if not isinstance(document, dict) or not {"name", "title", "columns", "rows"} <= document.keys():
            return None
        known = {name: document[name] for name in cls.__dataclass_fields__ if name in document}
        return cls(**known)


class AskOptions(Section):
    """What may be asked of a task's models at inference. A task without choices of its own uses this one."""

    def check(self) -> None:
        """Raise :class:`~runner.errors.UsageError` for what no type says, before any file is read."""

    def files(self) -> list[Path]:
        """The files that the options name: nothing is written over them."""
        return []


@dataclass(frozen=True)
class Task:
    """What a trained model answers, and how that is judged. Many kinds share one.

    What a task does lies in the modules of ``package``, its rooms, imported when they are needed (:meth:`room`):

    ``answers``
        ``open_answers(opened, options, say) -> Answers``: rows in, the output document, its JSON Lines and Parquet out
        (:class:`runner.tasks.answers.Answers` says what it has).
    ``comparing``
        ``compare(asked...)``: several models on one held-out set, paired (:mod:`runner.evaluation.comparing`).
    ``next_step``
        ``command(model, tables, program) -> str``: what to type after training.
    """

    name: str
    package: str
    #: The first is the headline: best epoch, early stopping, listings, W&B and sweeps go by it.
    measures: tuple[Measure, ...]
    #: What ``runner infer --set key=value`` takes.
    options: type[AskOptions]
    #: What the held-out things are, such as ``comparisons``, and what the models are, such as ``Routers``.
    held_out_noun: str = "rows"
    models_noun: str = "Models"
    #: What the best of the ``baselines`` table is.
    rival: str = "the best baseline"

    @property
    def headline(self) -> Measure:
        """The measure that decides which of two models is better."""
        return self.measures[0]

    def room(self, name: str) -> ModuleType:
        """One of the task's modules, imported now."""
        return importlib.import_module(f"{self.package}.{name}")


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
    #: The fields that name another stored model, and what that model has to be.
    references: ClassVar[Mapping[str, Needed]] = {}
    #: What it reads of a comparison beside who met whom and who won: ``prompts``, ``responses``. Data that lacks it is
    #: refused.
    reads: ClassVar[frozenset[str]] = frozenset({"prompts", "responses"})
    #: The fields that leave out what is rare: each is the least number of rows that an LLM has to be in.
    row_filters: ClassVar[tuple[str, ...]] = ()

    model_type: str

    def wants_torch(self) -> bool | None:
        """Whether this spec's training computes with torch, which takes seconds to import.

        None: it does where its kind requires torch. A kind that needs it for some of its specs alone overrides this.
        """
        return None

    def filters(self) -> dict[str, int]:
        """The filters on rare things: field -> the least number of rows, 0 for none."""
        return {name: getattr(self, name) or 0 for name in self.row_filters}


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

    def suits(self, spec: ModelSpec, cwd: Path) -> None:
        """What an instant look into the user's files tells of the data and a kind together, before a run is made.

        Raises what :meth:`load` would for a kind that reads what the data lacks, or for rows that cannot be used.
        """

    def preview(self, loaded: LoadedData, rows: int) -> Table:
        """The first rows of training as the kind gets them, for ``runner data show``."""
        return Table("rows", "Rows", [], [], note=f"{self.layout} cannot be shown as a table")

    #: What a row of it is called, such as ``comparisons``: the layout of a :class:`DataReport`.
    layout: ClassVar[str] = "rows"

    def local_files(self) -> list[Path]:
        """The user's files that loading reads, so that an executor can mount them."""
        return []

    def resolved(self, cwd: Path) -> Self:
        """This section with the paths in it absolute (:func:`runner.workspace.absolute`), counted from ``cwd``, so
        that they mean the same in a container and in a run that is resumed from elsewhere. Names stay names."""
        return self

    def row_keys(self, part: Any) -> set[Any]:
        """What tells the rows of one side of the split apart: two sides that share one have shared a row."""
        raise NotImplementedError

    #: The module that reads rows to be answered: ``from_words``, ``from_file`` and ``from_pipe``, each giving rows that
    #: can be read twice (:class:`AskedRows`).
    asked_rows: ClassVar[str] = "runner.data.prompts"

    @classmethod
    def document_of(cls, path: str, columns: Mapping[str, Any]) -> dict[str, Any]:
        """The ``data`` object of a spec that names ``path`` and maps roles to columns, as ``runner data check`` does.

        A role is the layout's plain word (``prompt``, ``target``, ``text``). A layout whose fields are called otherwise
        overrides this.
        """
        return {"dataset": path} | ({"columns": dict(columns)} if columns else {})


@dataclass(frozen=True)
class LoadContext:
    """What loading may use: the model's spec (its filters), where caches are, and somewhere to say things."""

    spec: ModelSpec
    cache: Path
    emit: Callable[..., None]
    #: Filled in while rows are read: it tells of them also where loading then raises.
    report: DataReport = field(default_factory=lambda: DataReport(""))


@dataclass(frozen=True)
class LoadedData:
    """A loaded data set, split. What ``train`` and ``validation`` are is the family's own type."""

    train: Any
    validation: Any
    #: sha256 of what was read, so that a replay can tell whether the data is the same.
    fingerprint: str
    #: Counts for the run's record: rows read, kept, skipped by reason, sizes of the splits.
    record: dict[str, Any]
    #: The same for ``runner data check``, with the lines of what was dropped or changed.
    report: DataReport | None = None


@dataclass
class DataReport:
    """What became of every row that was read. A row is named by its line (text) or its number (Parquet, Arrow), from 1.

    At most :data:`NAMED` rows are kept for each reason; the counts are whole.
    """

    NAMED: ClassVar[int] = 100

    layout: str
    rows_read: int = 0
    rows_kept: int = 0
    rows_dropped: dict[str, int] = field(default_factory=dict)
    rows_changed: dict[str, int] = field(default_factory=dict)
    named: dict[str, list[int]] = field(default_factory=dict)
    #: What is odd about the data and dropped or changed no row, as sentences.
    warnings: list[str] = field(default_factory=list)

    def drop(self, reason: str, rows: Sequence[int]) -> None:
        """Count rows that are not used."""
        self._count(self.rows_dropped, reason, rows)

    def change(self, reason: str, rows: Sequence[int]) -> None:
        """Count rows that are used otherwise than they stand in the file."""
        self._count(self.rows_changed, reason, rows)

    def _count(self, counts: dict[str, int], reason: str, rows: Sequence[int]) -> None:
        if len(rows):
            counts[reason] = counts.get(reason, 0) + len(rows)
            named = self.named.setdefault(reason, [])
            named.extend(int(row) for row in rows[: self.NAMED - len(named)])


class AskedRow(Protocol):
    """One row to be answered: a prompt, a table's row, an image."""

    @property
    def id(self) -> str | int | None: ...
    def key(self) -> bytes | None:
        """What makes it the same question as another; None where equal rows are answered each anew."""


class AskedRows(Protocol):
    """Rows to be answered, in their order, from words, a file or a pipe. Read as often as needed, never held."""

    name: str
    #: What they are called, such as ``prompts``.
    noun: str
    #: What :meth:`check` found: rows, blank lines, whether any row has an id.
    count: int
    blank: int
    has_ids: bool

    @property
    def empty(self) -> bool:
        """Whether there is not one byte."""

    def check(self) -> None:
        """Read all of it once. Raises :class:`~runner.errors.DataError` with the place of the first that is no row."""

    def chunks(self, size: int) -> Any:
        """Every row, ``size`` at a time, as lists. Raises ``DataError`` if the file is not the one that was checked."""

    def fingerprint(self) -> list[Any]:
        """What tells whether another reading gives the same rows."""

    def provenance(self) -> dict[str, Any]:
        """What the provenance says of them."""


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
            elif event in ("progress", "step"):
                if event == "step":
                    fields = {"done": fields.get("step"), "total": fields.get("steps"), "unit": "steps"} | {
                        "metrics": fields.get("metrics", {})
                    }
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
