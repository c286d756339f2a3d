"""From a checked spec to a plan: everything decided before anything runs, so that it can be shown without running."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner import registry
from runner.contract import names_pretrained
from runner.errors import DataError, EnvironmentProblem, Fault, NotFoundError, RunnerError, SpecError
from runner.execution.asked_in_training import asked_in_training
from runner.execution.base_models import bases_of
from runner.execution.data_lineage import other_data
from runner.execution.executor import Executor, Job
from runner.execution.image_lookup import source_hash
from runner.execution.local_executor import LocalExecutor
from runner.execution.model_references import resolve_references, resolve_start_state
from runner.execution.plan_document import PlanDocument, StoredReference
from runner.execution.prepared_references import with_prepared
from runner.execution.resolved_paths import resolve_paths
from runner.execution.spec_names import file_names, model_names, named_models
from runner.spec.canonical import canonical
from runner.spec.checking import LoadedSpec, at_their_places, with_flags
from runner.spec.envelope import ENGINES, TrainingSpec
from runner.store.model_lookup import StoredModel
from runner.store.names import check_encodable
from runner.training.made_models import comes_from_package
from runner.training.pretrained import at_hand, need_possible
from runner.workspace import Workspace, absolute, current_folder

#: The executor, and for Docker the image and its digest.
Chosen = tuple[Executor, str | None, str | None]
#: As :func:`choose_executor`.
Choosing = Callable[[TrainingSpec, list[str], list[str]], Chosen]


@dataclass(frozen=True)
class Plan:
    """What will happen. ``document`` is what the worker reads."""

    spec: TrainingSpec
    model_type: str
    executor: Executor
    document: PlanDocument
    read_only: tuple[Path, ...]
    #: Names of pretrained models whose weights come with a package that is installed here.
    packaged: tuple[str, ...]
    parent: StoredModel | None
    notes: list[str] = field(default_factory=list)
    #: Those of the notes that are said again when the run has ended, well or badly.
    reminders: list[str] = field(default_factory=list)
    #: Which GPUs it has, where others train beside it (:class:`~runner.execution.gpu_devices.Dealer`).
    devices: tuple[str, ...] = ()

    def job(self, run: Path) -> Job:
        """The job of this plan's run, with its secrets: read from our environment now, kept in memory only."""
        section = self.spec.run
        own = self.spec.model.spec.secrets() if self.spec.model.spec else ()
        names = [*section.env, *own, *(["HF_TOKEN"] if self.document.network else [])]
        secrets = {name: os.environ[name] for name in names if name in os.environ}
        self._need_set([*section.env, *own])
        if self.spec.wandb is not None:
            from runner.tracking.wandb_key import find_key
            from runner.tracking.wandb_run import AGENT

            if key := find_key():
                secrets["WANDB_API_KEY"] = key
            for name in ("WANDB_BASE_URL", "WANDB_MODE", "WANDB_ENTITY", *AGENT):
                if value := os.environ.get(name):
                    secrets[name] = value
        return self._job(run, secrets)

    def _job(self, run: Path, secrets: dict[str, str]) -> Job:
        section = self.spec.run
        return Job(
            run=run,
            cwd=Path(self.document.cwd),
            cache=Path(self.document.cache),
            read_only=self.read_only,
            image=self.document.image,
            gpus=section.gpus,
            devices=self.devices,
            processes=section.processes,
            cpus=section.cpus,
            memory=section.memory_bytes,
            network=self.document.network,
            secrets=secrets,
            # An engine's own time to stop in, and what it takes to see and tell of the end.
            grace=60.0 if section.engine is None else section.engine.stop_grace + 120.0,
        )

    def _need_set(self, names: Sequence[str]) -> None:
        """Raise :class:`EnvironmentProblem` for variables that are not set here. Where an engine refuses the spec too,
        that is told beside it."""
        missing = [name for name in names if name not in os.environ]
        if not missing:
            return
        passed = [name for name in missing if name in self.spec.run.env]
        where = "/run/env" if passed else "/model/spec"
        why = f"the spec passes {', '.join(passed)} on" if passed else f"the training needs {', '.join(missing)}"
        message = f"{why}, which is not set here"
        if self.executor.name in ENGINES:
            from runner.execution.engine_executor import EngineExecutor

            assert isinstance(self.executor, EngineExecutor)
            try:
                self.executor.submission(self._job(Path(self.document.cwd), dict.fromkeys(names, "")))
            except SpecError as error:
                raise SpecError([*error.faults, Fault(message, where, hint="export it")]) from None
        raise EnvironmentProblem(message, where=where, hint="export it")


def make_plan(
    loaded: LoadedSpec,
    workspace: Workspace,
    *,
    executor: str | None = None,
    cwd: Path | None = None,
    choose: Choosing | None = None,
) -> Plan:
    """Resolve what the spec refers to and choose where it runs. Starts nothing, imports no heavy library. ``choose`` is
    :func:`choose_executor`, or :func:`choosing_once` where many are planned.

    Raises the error of whatever is missing: a stored model, a data file, a GPU, an engine.
    """
    left_out = None
    if executor is not None:
        loaded, left_out = _with_executor(loaded, executor)
    spec, parent, notes = resolve_start_state(loaded, workspace)
    notes = [*notes, *([left_out] if left_out else [])]
    assert spec.model.spec is not None
    kind = spec.model.spec.model_type
    cwd = cwd or current_folder()
    # Checked as it is written, so that a fault is told by what the document says.
    check_encodable(spec.model.name, "/model/name")
    spec, prepared = with_prepared(spec, workspace, cwd)
    assert spec.model.spec is not None
    notes = [*notes, *prepared.notes]
    for path in spec.data.local_files():  # type: ignore[union-attr]
        check_encodable(str(cwd / path), "/data")
    spec.data.check(cwd)  # type: ignore[union-attr]
    spec.data.suits(spec.model.spec, cwd)  # type: ignore[union-attr]
    for pointer, name in file_names(spec):
        _check_file(absolute(name, cwd), f"{pointer}: {name}")
    spec.model.spec.check_files(cwd)
    asked = asked_in_training(loaded, spec.model.spec, cwd)
    spec = resolve_paths(spec, cwd)
    assert spec.model.spec is not None
    files = [cwd / path for path in spec.data.local_files()]  # type: ignore[union-attr]
    files += [Path(name) for _, name in file_names(spec)]
    files += [cwd / path for path in asked.files]
    models = [path for name, _ in model_names(spec) if (path := absolute(name, cwd)).is_dir()]
    references = resolve_references(spec, workspace)
    if parent is None:
        # What goes on from a stored model opens none of the bases that the stored spec names.
        _check_names(spec)
    _check_fit(spec, parent, references, loaded, workspace)
    reminders: list[str] = []
    chosen, image, digest = (choose or choose_executor)(spec, notes, reminders)
    if chosen.name == "local":
        # In a container there are other modules than here.
        spec.model.spec.check_modules(cwd)
    stored = {
        name: StoredReference(reference=model.reference, path=str(model.path.absolute()))
        for name, model in references.items()
    }
    named = [*references.values(), *([parent] if parent else [])]
    bases = bases_of(named, workspace)
    network = spec.run.network
    if network is None:
        network = asked.network or needs_network(spec, workspace, bases.names)
    caveats: list[str] = []
    if getattr(spec.data, "validation_split", 0):
        made = [parent.reference if parent else None, *(entry.reference for entry in stored.values())]
        caveats = other_data(canonical(spec)["data"], made, workspace.store)
    document = PlanDocument(
        model_type=kind,
        name=spec.model.name,
        headline=registry.task(kind).headline.as_dict(),
        executor=chosen.name,
        image=image,
        image_digest=digest,
        gpus=spec.run.gpus,
        processes=spec.run.processes,
        sharding=spec.run.sharding,
        network=network,
        cwd=str(cwd),
        cache=str(workspace.cache.absolute()),
        start_from=str(parent.path.absolute()) if parent else None,
        parent=parent.reference if parent else None,
        stored=stored,
        prepared=prepared.lineage,
        caveats=tuple(caveats),
        wandb=spec.wandb.model_dump() if spec.wandb else None,
        code=source_hash(),
    )
    folders = [*(model.path.absolute() for model in named), *bases.folders]
    read_only = tuple(dict.fromkeys([*files, *models, *folders]))
    packaged = dict.fromkeys(
        name for name, revision in [*model_names(spec), *bases.names] if revision is None and comes_from_package(name)
    )
    return Plan(spec, kind, chosen, document, read_only, tuple(packaged), parent, [*notes, *reminders], reminders)


def _with_executor(loaded: LoadedSpec, executor: str) -> tuple[LoadedSpec, str | None]:
    """The spec for the executor that a flag names, and a note where that has no use for the spec's ``run.engine``: who
    says where it runs says that it runs on no engine."""
    flags: dict[str, str | None] = {"/run/executor": executor}
    note = None
    if executor not in ENGINES and loaded.spec.run.engine is not None:
        flags["/run/engine"] = None
        note = f"run.engine is left out: --executor {executor} runs it here, and not on {loaded.spec.run.executor}"
    return with_flags(loaded, flags), note


def choosing_once() -> Choosing:
    """A :func:`choose_executor` for many specs: of those that run alike only the first asks the Docker Engine."""
    known: dict[tuple[str, str, str | None], tuple[Chosen, list[str], list[str]]] = {}

    def choose(spec: TrainingSpec, notes: list[str], reminders: list[str]) -> Chosen:
        own = spec.model.spec
        assert own is not None
        alike = (spec.run.model_dump_json(), own.model_type, own.runs_code())
        if alike not in known:
            said: list[str] = []
            reminded: list[str] = []
            known[alike] = choose_executor(spec, said, reminded), said, reminded
        chosen, said, reminded = known[alike]
        notes += said
        reminders += reminded
        return chosen

    return choose


def choose_executor(spec: TrainingSpec, notes: list[str], reminders: list[str]) -> Chosen:
    """The executor, and for Docker the image and its digest. ``auto`` falls back to a local process, and says so.

    An image of other code is taken and told: by its default name it is of this version, and another was asked for.
    """
    wanted = spec.run.executor
    if spec.model.spec is not None and (field := spec.model.spec.runs_code()) is not None:
        _beside_an_engine(wanted, f"/model/spec/{field}", notes)
        wanted = "local"
    if wanted == "local":
        return LocalExecutor(), None, None
    if wanted in ENGINES:
        from runner.execution.engine_executor import EngineExecutor

        return EngineExecutor(spec.run), spec.run.image, None
    kind = registry.find(spec.model.spec.model_type) if spec.model.spec else None
    if wanted == "auto" and spec.run.image is None and kind and not kind.module.startswith("runner."):
        notes.append(f"running as a local process: {kind.name} comes from {kind.module}, which the image does not hold")
        return LocalExecutor(), None, None
    from runner.execution import image_lookup
    from runner.execution.docker_executor import DockerExecutor

    try:
        found = image_lookup.find(spec.run.image)
    except EnvironmentProblem as error:
        if wanted == "docker":
            raise
        hint = f" ({error.hint})" if error.hint else ""
        notes.append(f"running as a local process, not in a container: {error.message}{hint}")
        return LocalExecutor(), None, None
    if note := image_lookup.stale_note(found):
        reminders.append(f"warning: {note}")
    return DockerExecutor(), found.name, found.digest


def _beside_an_engine(wanted: str, where: str, notes: list[str]) -> None:
    """Raise :class:`EnvironmentProblem` for a training in a container that would have to start others, which nothing
    in a container can, and where there is no engine to run code on."""
    from runner.execution.code_sandbox import CodeContainers

    if wanted not in ("local", "auto"):
        raise EnvironmentProblem(
            "the code of answers is run in containers, and a training that is in one itself cannot start any",
            where=where,
            hint="--executor local: the training is a process here then, and the code runs in containers all the same",
        )
    CodeContainers.opened(where)
    if wanted == "auto":
        notes.append("running as a local process, not in a container: it starts containers for the code of answers")


def _check_fit(
    spec: TrainingSpec,
    parent: StoredModel | None,
    references: Mapping[str, StoredModel],
    loaded: LoadedSpec,
    workspace: Workspace,
) -> None:
    """Raise :class:`SpecError` for what the pretrained models that are at hand cannot do."""
    section = spec.model.spec
    assert section is not None
    folders = {name: model.path for name, model in references.items()}
    for name in type(section).model_fields:
        if name not in folders and names_pretrained(type(section), name) and (value := getattr(section, name)):
            folder = at_hand(value, getattr(section, "revision", None), workspace.cache)
            folders |= {name: folder} if folder is not None else {}
    if parent is not None:
        folders["start_state"] = parent.path
    if faults := section.misfits(folders):
        with at_their_places(loaded):
            raise SpecError(faults)


def _check_names(spec: TrainingSpec) -> None:
    """Raise what :func:`need_possible` does for the pretrained models of a spec, before a run is made for them."""
    for pointer, name, revision in named_models(spec):
        try:
            need_possible(name, revision)
        except RunnerError as error:
            # A folder is named by its path: the field that says so comes first.
            error.where = pointer if not error.where else f"{pointer}: {error.where}"
            raise


def _check_file(path: Path, where: str) -> None:
    """Raise what is wrong with a file that a spec names, before a run is made for it."""
    check_encodable(str(path), where)
    try:
        with path.open("rb"):
            pass
    except FileNotFoundError:
        hint = "a relative path counts from the current directory"
        raise NotFoundError("there is no such file", where=where, hint=hint) from None
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", where=where) from None


def needs_network(spec: TrainingSpec, workspace: Workspace, beside: Sequence[tuple[str, str | None]] = ()) -> bool:
    """Whether a container needs one: a data set or a model that is not here yet, or W&B with a key.

    ``beside`` are models, each with its revision, that are needed beside those that the spec names.
    """
    from runner.training.pretrained import available_locally

    if spec.data.network_needed(workspace.cache):  # type: ignore[union-attr]
        return True
    if any(not available_locally(name, revision) for name, revision in [*model_names(spec), *beside]):
        return True
    if spec.model.spec is not None and spec.model.spec.needs_network():
        return True
    if spec.wandb is not None:
        from runner.tracking.wandb_key import find_key
        from runner.tracking.wandb_run import mode

        return find_key() is not None and mode() == "online"
    return False


def check_requirements(plan: Plan) -> None:
    """Before a local run: the packages that the kind needs. A container brings its own."""
    if plan.executor.name == "local":
        registry.require(plan.model_type)
