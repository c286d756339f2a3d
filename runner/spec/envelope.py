"""The envelope: what every training spec has around ``model.spec`` and ``data``, whatever the kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from runner.contract import DataSection, ModelSpec, Section, invalid, option
from runner.spec.byte_sizes import MEMORY_PATTERN, parse_memory
from runner.store.references import Name, Reference

#: W&B's own limits, checked before a run rather than at its end.
_WandbProject = Annotated[
    str,
    StringConstraints(min_length=1, max_length=128, pattern=r"^[^/\\#?%:\r\n]+$"),
    Field(json_schema_extra={"x-expected": "1 to 128 characters, none of / \\ # ? % :"}),
]
_WandbArtifact = Annotated[
    str,
    StringConstraints(min_length=1, max_length=128, pattern=r"^[a-zA-Z0-9_.\-]+$"),
    Field(json_schema_extra={"x-expected": "1 to 128 letters, digits, dashes, underscores and dots"}),
]
_Repository = Annotated[
    str,
    StringConstraints(
        min_length=3, max_length=192, pattern=r"^[A-Za-z0-9_]+([.\-][A-Za-z0-9_]+)*/[A-Za-z0-9_]+([.\-][A-Za-z0-9_]+)*$"
    ),
    Field(json_schema_extra={"x-expected": 'a repository of the Hub: "OWNER/NAME"'}),
]
_Text = Annotated[str, StringConstraints(min_length=1, max_length=128)]
_Image = Annotated[
    str,
    StringConstraints(min_length=1, max_length=512, pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._:/@\-]*$"),
    Field(json_schema_extra={"x-expected": 'an image\'s name, as in "registry/name:tag"'}),
]
_Memory = Annotated[
    str,
    StringConstraints(pattern=MEMORY_PATTERN),
    Field(json_schema_extra={"x-expected": 'a whole number and k, m, g or t, as in "512m" or "4g"'}),
]
#: A value written here by mistake may be a secret: a message never repeats it.
_VariableName = Annotated[
    str,
    StringConstraints(max_length=256, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"),
    Field(
        json_schema_extra={
            "x-expected": "the name alone of an environment variable: values are secrets and never in a spec",
            "x-secret": True,
        }
    ),
]

if TYPE_CHECKING:
    _SpecField = ModelSpec | None
    _DataField = DataSection | dict[str, Any]
else:
    # The envelope takes them as they are; the document of a kind (runner.spec.kinds) narrows them to its sections.
    _SpecField = _DataField = Any


class WandbSection(Section):
    """Where the run is followed on Weights & Biases. Absent: not at all."""

    project: _WandbProject = option(description="The W&B project.", resume="free", examples=["llm-routing"])
    experiment_name: _Text | None = option(
        None, description="The experiment: the W&B run's group and the first part of its name.", resume="free"
    )
    config_name: _Text | None = option(
        None, description="The configuration within the experiment: the second part of the run's name.", resume="free"
    )
    artifact_name: _WandbArtifact | None = option(
        None, description="What the model's W&B artifact is called. Default: the model's name.", resume="free"
    )


class TensorboardSection(Section):
    """What TensorBoard shows of the run: event files in its directory. Absent: none."""

    serve: bool = option(
        False,
        description="Whether a TensorBoard shows the run while it goes on, on a free port of this machine alone. It "
        "ends with the run.",
        resume="free",
    )
    keep: bool = option(
        False,
        description="Whether that TensorBoard stays when the run has ended, until "
        "`runner runs tensorboard RUN --stop`.",
        resume="free",
    )

    @model_validator(mode="after")
    def _kept_is_served(self) -> Self:
        if self.keep and not self.serve:
            raise invalid(("keep",), "void", "nothing is served that could be kept: set serve, or leave this out")
        return self


class HubSection(Section):
    """Where the stored model is pushed to on the Hugging Face Hub. Absent: nowhere."""

    repository: _Repository = option(
        description="The repository, OWNER/NAME. It is made if it is not there.",
        resume="free",
        examples=["someone/tutor"],
    )
    private: bool = option(
        True,
        description="Whether only its owner sees it. A repository that is public already is not pushed to, unless this "
        "is false.",
        resume="free",
    )


class LogSection(Section):
    """What is said while the run goes on."""

    print_every: int = option(1, ge=1, description="Print a line of progress every this many epochs.", resume="free")
    run_name: _Text | None = option(
        None, description="What the run is called in listings. Default: the model's name.", resume="free"
    )


#: Executors that are other machines.
ENGINES = ("slurm", "ray", "kubernetes")


class EngineSection(Section):
    """How the run is executed on other machines. Only with an executor that is an engine."""

    root: _Text = option(
        description="The folder, or the s3:// address, that this machine and the engine's machines can reach: each "
        "run's directory is in it.",
        resume="free",
        examples=["/shared/runs", "s3://bucket/runs"],
    )
    label: Name | None = option(
        None,
        description="Tells runs of the same spec apart: another label is another run. Without it the same spec is the "
        "same run, and is not trained twice.",
        resume="free",
    )
    inputs: Literal["shared", "staged"] | None = option(
        None,
        description="shared: files and stored models that the spec names are at the same paths there; staged: they are "
        "copied into the root first. null: shared for a folder, staged for an address.",
        resume="free",
    )
    nodes: int = option(1, ge=1, le=1024, description="On how many machines run.processes are divided.", resume="free")
    queue: _Text | None = option(
        None, description="The partition or queue. null: the engine's own.", resume="free", examples=["gpu"]
    )
    lifetime: Annotated[float, Field(gt=0)] | None = option(
        None,
        description="Seconds after which the engine may end the job. null: the engine's own limit.",
        resume="free",
    )
    stop_grace: Annotated[float, Field(gt=0)] = option(
        60.0,
        description="Seconds to write a checkpoint in, between being asked to stop and being killed.",
        resume="free",
    )
    interruptions: int = option(
        5,
        ge=0,
        le=1000,
        description="How often the run is started again after a machine was lost or taken away. They cost none of "
        "run.retries.",
        resume="free",
    )
    options: dict[str, Any] = option(
        factory=dict, description="Settings of the engine itself, by its own names.", resume="free"
    )


class RunSection(Section):
    """Where and within which limits the run executes."""

    executor: Literal["auto", "local", "docker", "slurm", "ray", "kubernetes"] = option(
        "auto",
        description="docker: in a container; local: in a process here; auto: a container where an engine answers; "
        "slurm, ray, kubernetes: on machines of such a cluster, with run.engine.",
        resume="free",
    )
    engine: EngineSection | None = option(
        None, description="How the run is executed on other machines. null: it is not.", resume="free"
    )
    image: _Image | None = option(
        None, description="The container image. Default: the one that `runner image build` makes.", resume="free"
    )
    gpus: Annotated[int, Field(ge=0)] | Literal["all"] | None = option(
        None,
        description='null: use a GPU if there is one; 0: none; a number or "all": the run fails without them.',
        resume="free",
    )
    processes: int = option(
        1,
        ge=1,
        le=1024,
        description="How many processes train the model together, each with a share of every step's rows, and with a "
        "GPU of its own where GPUs are used. More than 1 is for language models.",
        resume="free",
    )
    sharding: Literal["none", "full"] = option(
        "none",
        description="What of the model each of several processes holds. none: all of it, as DDP does; full: a part of "
        "the weights, the gradients and the optimizer's state, as FSDP does, for models that one GPU cannot hold.",
        resume="free",
    )
    cpus: Annotated[float, Field(gt=0)] | None = option(
        None, description="At most this many CPUs. Default: all.", resume="free"
    )
    memory: _Memory | None = option(
        None, description="At most this much memory. Default: no limit.", resume="free", examples=["4g", "512m"]
    )
    time_limit: Annotated[float, Field(gt=0)] | None = option(
        None, description="Stop after this many seconds, with a checkpoint. Default: no limit.", resume="free"
    )
    retries: int = option(
        0,
        ge=0,
        le=10,
        description="How often to try again when the environment failed, never the model.",
        resume="free",
    )
    network: bool | None = option(
        None, description="Whether the container has a network. null: only if the spec needs one.", resume="free"
    )
    env: tuple[_VariableName, ...] = option(
        (),
        description="Names of environment variables that the run gets from here.",
        resume="free",
        examples=[["HF_TOKEN"]],
    )

    @model_validator(mode="after")
    def _engine_fits(self) -> Self:
        if self.executor in ENGINES and self.engine is None:
            raise invalid(
                ("engine",),
                "no_engine",
                f"{self.executor} takes `engine`: at the least its root, which all machines reach",
            )
        if self.engine is not None and self.executor not in ENGINES:
            raise invalid(
                ("engine",),
                "void",
                f"the executor is {self.executor}: ask for {' or '.join(ENGINES)}, or leave this out",
            )
        if self.engine is not None and self.gpus == "all":
            message = '"all" is for this machine: an engine is asked for a number, such as 1'
            raise invalid(("gpus",), "not_counted", message)
        if self.engine is not None and self.network is False:
            message = "false is for a container of this machine: leave it out, nodes reach what they reach"
            raise invalid(("network",), "not_elsewhere", message)
        if self.engine is not None and self.processes % self.engine.nodes:
            raise invalid(
                ("engine", "nodes"),
                "undivided",
                f"{self.processes} processes cannot be divided among {self.engine.nodes} nodes: as many on each",
            )
        if self.engine is not None and isinstance(self.gpus, int) and self.gpus % self.engine.nodes:
            raise invalid(("gpus",), "undivided", f"{self.gpus} GPUs cannot be divided among {self.engine.nodes} nodes")
        return self

    @property
    def memory_bytes(self) -> int | None:
        """``memory`` as a number of bytes."""
        return None if self.memory is None else parse_memory(self.memory)


class ModelSection(Section):
    """What is trained, and what it is called."""

    name: Name = option(
        description="The name that the model is stored under.", resume="warn", examples=["dense_network_v1"]
    )
    start_state: Reference | None = option(
        None,
        description="A stored model to start from: its own spec is used, and `spec` here is ignored.",
        examples=["dense_network_v1", "dense_network/dense_network_v1/v2"],
    )
    spec: _SpecField = option(None, description="The kind of model and its fields. Required without `start_state`.")

    @model_validator(mode="after")
    def _described(self) -> Self:
        if self.start_state is None and self.spec is None:
            raise ValueError("the model is not described: it takes `spec` or `start_state`")
        return self


class TrainingSpec(Section):
    """A training spec: one training run as a document.

    This class is the envelope alone; :func:`runner.spec.kinds.document_class` narrows ``model.spec`` and ``data``
    to a kind's own sections. A document with ``start_state`` stays the envelope until its kind is known.
    """

    schema_uri: str | None = option(
        None, alias="$schema", description="The JSON Schema that an editor completes this document with.", resume="free"
    )
    jar_base_path: str | None = option(
        None,
        description="Ignored, with a warning: where an older system kept its models and caches. Here the workspace "
        "says that: RUNNER_HOME.",
        resume="free",
        ignored=True,
    )
    spec_version: int = option(1, ge=1, le=1, description="The version of this format.")
    wandb: WandbSection | None = option(
        None, description="Follow the run on Weights & Biases. null: do not.", resume="free"
    )
    tensorboard: TensorboardSection | None = option(
        None, description="Write the run's figures for TensorBoard, and show them. null: do not.", resume="free"
    )
    hub: HubSection | None = option(
        None, description="Push the stored model to the Hugging Face Hub. null: do not.", resume="free"
    )
    model: ModelSection = option(description="What is trained, and what it is called.")
    data: _DataField = option(factory=dict, description="What the model is trained on.")
    log: LogSection = option(factory=LogSection, description="What is said while the run goes on.", resume="free")
    run: RunSection = option(
        factory=RunSection, description="Where and within which limits the run executes.", resume="free"
    )
    epochs: int = option(0, ge=0, description="How often to go over the data.", resume="free")
    batch_size: Annotated[int, Field(ge=0)] | Literal["auto"] = option(0, description="How many examples make a step.")

    @model_validator(mode="after")
    def _processes_fit(self) -> Self:
        count, own = self.run.processes, self.model.spec
        if count == 1:
            if self.run.sharding != "none":
                raise invalid(
                    ("run", "sharding"),
                    "void",
                    "one process holds the whole model: ask for more, or leave this out",
                )
            return self
        if isinstance(own, ModelSpec) and not own.takes_processes:
            raise invalid(
                ("run", "processes"), "one_process", f"{own.model_type} is trained in one process: leave this out"
            )
        if isinstance(self.run.gpus, int) and 0 < self.run.gpus < count:
            raise invalid(
                ("run", "gpus"), "gpus", f'{count} processes take a GPU each: ask for {count}, "all", or 0 for the CPU'
            )
        if self.batch_size == "auto":
            raise invalid(
                ("batch_size",),
                "auto_alone",
                f"auto is found by one process, and there are {count}: name a number",
            )
        if isinstance(own, ModelSpec) and 0 < self.batch_size < count:
            raise invalid(
                ("run", "processes"),
                "idle_processes",
                f"a batch of {self.batch_size} rows is divided among {count} processes, of which some would have none: "
                "at most batch_size",
            )
        if self.run.sharding == "full" and isinstance(own, ModelSpec) and (why := own.undividable()) is not None:
            raise invalid(("model", "spec", why[0]), "undividable", f"with run.sharding full {why[1]}")
        return self

    @model_validator(mode="after")
    def _of_use_to_others(self) -> Self:
        own = self.model.spec
        if self.hub is not None and isinstance(own, ModelSpec) and (found := own.stays_here()) is not None:
            field, why = found
            raise invalid(("model", "spec", field), "void", f"the hub section pushes the model, and {why}")
        return self

    @property
    def rows(self) -> int:
        """``batch_size`` as a number: the kind's default where it is ``auto``."""
        if not isinstance(self.batch_size, str):
            return self.batch_size
        own = self.model.spec
        return (own.default_batch_size if own is not None else None) or 1

    @property
    def kind(self) -> str | None:
        """The model type, or None in a spec that starts from a stored model whose type is not looked up yet."""
        return self.model.spec.model_type if isinstance(self.model.spec, ModelSpec) else None
