"""The one child entry: executes a planned run's directory. Training happens here and nowhere else."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from runner import __version__, registry
from runner.contract import LoadContext, LoadedData, Processes, TrainContext, TrainResult
from runner.contract.foreign_code import CodeRunner
from runner.errors import ConflictError, EnvironmentProblem, ExitCode, RunFailed, RunnerError, Stopped
from runner.execution import resumed_stamp
from runner.execution.failure_classes import classify
from runner.execution.plan_document import PlanDocument
from runner.execution.seeding import seed_everything, seed_of
from runner.execution.start_check import check_start, rehearsed
from runner.execution.starting_batch_size import starting_rows
from runner.execution.stop_flag import StopFlag
from runner.runs.checkpoints import RunCheckpoints
from runner.runs.event_hold import Hold
from runner.runs.events import EventWriter
from runner.runs.run_documents import Failure, Outcome, RunResult
from runner.runs.run_folder import WORKER_LOCK, Run
from runner.spec.checking import load_file
from runner.spec.envelope import TrainingSpec
from runner.spec.training_identity import spec_hash
from runner.store.replay_lock import Hardware, ReplayLock
from runner.tracking.run_listeners import Audience
from runner.training.peak_memory import peak_memory
from runner.training.threads import wanted_threads

#: Seconds that a second worker of a run waits for the first to end.
PATIENCE = 60
#: Tells of an event: its name, and what it says.
Emit = Callable[..., None]


def work(path: Path, *, lease: bool = False) -> int:
    """Execute the run in ``path`` and return the exit code; how it ended is in ``outcome.json``."""
    started = time.monotonic()
    run = Run(path)
    stop = StopFlag()
    stop.listen(lease=lease)
    events = EventWriter(run.path)
    try:
        with only_worker(run):
            plan = run.read("plan", PlanDocument)
            together = plan is not None and plan.processes > 1
            # Standard error is the run's log. Of several processes the first tells those who listen.
            audience = Audience([] if together else listeners(run, events), _log)
            hold = Hold.asked()

            def emit(event: str, **fields: Any) -> None:
                audience.handle(events.emit(event, **fields))
                if hold is not None:
                    hold.reached(event, stop.requested)

            code = ExitCode.BUG
            try:
                memory = 0
                if plan is not None and together:
                    memory = _in_processes(run, plan, stop)
                else:
                    carry_out(run, stop, emit)
                run.write("outcome", done(started, memory))
                emit("finished")
                code = ExitCode.DONE
            except BaseException as error:  # noqa: BLE001 - whatever ended the run is recorded, then told by the code
                fault = classify(error)
                if fault.code is ExitCode.BUG or isinstance(fault, RunFailed):
                    traceback.print_exc()
                run.write("outcome", Outcome(ok=False, error=replace(Failure.of(fault), retryable=fault.retryable)))
                emit("stopped" if isinstance(fault, Stopped) else "failed", error=fault.as_dict())
                code = fault.code
            finally:
                audience.close(code)
            return code
    except RunnerError as error:
        print(error.message, file=sys.stderr)
        return error.code
    finally:
        events.close()


def _in_processes(run: Run, plan: PlanDocument, stop: StopFlag) -> int:
    """Train in several processes; the bytes that they held at most. Raises the error that they ended with."""
    from runner.execution import process_launcher, rank_faults
    from runner.execution.nodes import Nodes

    nodes = Nodes.of_environment()
    ends = process_launcher.carry_out(run, plan.processes, _device(plan.gpus), stop.requested, nodes)
    if (error := rank_faults.reason(ends, plan.processes)) is not None:
        raise error
    return sum(end.outcome.peak_memory or 0 for end in ends if end.outcome is not None)


def carry_out(
    run: Run, stop: StopFlag, emit: Emit, join: Callable[[PlanDocument, str], Processes] = lambda *_: Processes()
) -> None:
    """Train as the plan says, and write what came of it. ``join`` finds the processes that train with this one."""
    plan = run.needed("plan", PlanDocument)
    loaded = load_file(run.path / "spec.json")
    spec: TrainingSpec = loaded.spec
    kind = plan.model_type
    registry.require(kind)
    builder = registry.load(kind)
    wanted_threads()
    wanted = spec.model.spec.wants_torch() if spec.model.spec is not None else None
    uses_torch = "torch" in builder.REQUIRES if wanted is None else wanted
    device = _device(plan.gpus) if uses_torch or plan.gpus else "cpu"
    seed = seed_of(spec)
    seed_everything(seed, uses_torch)
    processes = join(plan, device)
    emit(
        "started",
        model_type=kind,
        name=spec.model.name,
        device=device,
        seed=seed,
        pid=os.getpid(),
        print_every=spec.log.print_every,
        **({"processes": processes.count} if processes.count > 1 else {}),
    )

    for caveat in plan.caveats:
        emit("warning", message=caveat, pointer="/data")
    cache = Path(os.environ.get("RUNNER_CACHE_DIR") or plan.cache)
    with processes.first_before():
        data: LoadedData = spec.data.load(LoadContext(spec.model.spec, cache, emit))  # type: ignore[union-attr, arg-type]
        spec.data.need_learnable(data)  # type: ignore[union-attr]
    _need_same(processes, data.fingerprint, "data", "/data")
    report = {} if data.report is None else {"report": asdict(data.report)}
    emit("data", record=data.record, **report)
    earlier: tuple[str, ...] = ()
    stamped: dict[str, Any] = {}
    if processes.first:
        stamped = dict((run.read("lock", ReplayLock) or ReplayLock()).stamp)
        earlier = earlier_data(run, data, allowed=plan.allow_changed_data, emit=emit)
        facts = lock_facts(plan, spec, data, device, seed)
        # What an attempt before it was made with stays to be compared until this one's is known.
        run.write("lock", replace(facts, earlier_data_fingerprints=earlier, stamp=stamped))

    early: list[dict[str, Any]] = []

    def tell(event: str, **fields: Any) -> None:
        if event == "stopped_early":
            early.append(fields)
        if event == "stamp" and processes.first:
            resumed_stamp.check(stamped, fields["stamp"], data_may_differ=bool(earlier))
            run.write("lock", replace(run.needed("lock", ReplayLock), stamp=fields["stamp"]))
        emit(event, **fields)

    artifact = run.path / "artifact"
    if processes.first:
        artifact.mkdir(exist_ok=True)
        for leftover in artifact.iterdir():
            # What an interrupted attempt wrote is not part of what this one will.
            leftover.unlink() if leftover.is_file() else _remove(leftover)
    checkpoints = RunCheckpoints(run.path / "checkpoints", emit, writes=processes.first)
    if processes.nodes > 1:
        # All go on from where the first does, whatever an attempt before left on the others.
        processes.bring(run.path / "checkpoints")
    start_from = Path(plan.start_from) if plan.start_from else None
    stored = {name: Path(entry.path) for name, entry in plan.stored.items()}
    known = rehearsed(data, spec, seed, device, plan, cache)
    if spec.batch_size == "auto":
        known.at_once = starting_rows(kind, spec.model.spec, known, spec.run.memory_bytes)
    if processes.first:
        check_start(plan, spec, known, run.path, emit)
    with _told_of_changed_data(earlier):
        result: TrainResult = builder.train(
            spec.model.spec,
            TrainContext(
                data=data,
                epochs=spec.epochs,
                batch_size=spec.rows,
                seed=seed,
                device=device,
                print_every=spec.log.print_every,
                emit=tell,
                checkpoints=checkpoints,
                # Several processes leave at the same step.
                stop_requested=lambda: processes.agreed(stop.requested()),
                artifact=artifact,
                start_from=start_from,
                stored=stored,
                cache=cache,
                processes=processes,
                at_once=known.at_once,
                code=_code_runner(spec),
            ),
        )
    if not processes.first:
        return
    emit("metrics", metrics=result.metrics)
    run.write("tables", _plain(result.tables))
    measured = {name: getattr(result, name) for name in ("metrics", "epochs", "best_epoch", "parameters")}
    run.write("result", RunResult.from_document(_plain(measured | {"stopped_early": early}), lenient=True))


def earlier_data(run: Run, data: LoadedData, *, allowed: bool, emit: Emit) -> tuple[str, ...]:
    """The fingerprints of other data that the run has trained on before, for its lock.

    Raises :class:`ConflictError` where the data is not what the run began with, and that is not allowed.
    """
    lock = run.read("lock", ReplayLock) or ReplayLock()
    before, fingerprints = lock.data_fingerprint, lock.earlier_data_fingerprints
    if before is not None and before != data.fingerprint:
        told = f"the data has changed since the run began: its fingerprint was {before}, and is {data.fingerprint}"
        if not allowed:
            raise ConflictError(
                told,
                where="/data",
                hint="put the data back, train anew without --resume, or go on with it: --allow-changed-data",
            )
        emit("warning", message=told, pointer="/data")
        fingerprints += (before,)
    return fingerprints


@contextlib.contextmanager
def _told_of_changed_data(earlier: tuple[str, ...]) -> Iterator[None]:
    """Say of a training that breaks on data it did not begin with that this is why: its checkpoint is of other LLMs,
    rows or columns."""
    try:
        yield
    except (LookupError, RuntimeError, ValueError) as error:
        if earlier and classify(error).code is ExitCode.BUG:
            raise ConflictError(
                f"what the run has learned does not fit the changed data: {type(error).__name__}: {error}",
                where="/data",
                hint="put the data back, or train anew without --resume",
            ) from error
        raise


def lock_facts(plan: PlanDocument, spec: TrainingSpec, data: LoadedData, device: str, seed: int) -> ReplayLock:
    """What a replay needs to know: spec, data, code, packages, image, hardware."""
    from importlib.metadata import version

    import psutil

    builder = registry.load(plan.model_type)
    return ReplayLock(
        spec_hash=spec_hash(spec),
        data_fingerprint=data.fingerprint,
        seed=seed,
        device=device,
        threads=_threads(),
        runner=__version__,
        code=plan.code,
        image=plan.image,
        image_digest=plan.image_digest,
        python=platform.python_version(),
        processes=plan.processes,
        pipeline=plan.pipeline,
        packages={name: version(name) for name in sorted({*builder.REQUIRES, "numpy", "pydantic"})},
        prepared=plan.prepared,
        hardware=Hardware(
            machine=platform.machine(),
            system=platform.system(),
            cpus=os.cpu_count(),
            memory=psutil.virtual_memory().total,
            gpu=_gpu_name() if device == "cuda" else None,
        ),
    )


def _device(gpus: int | str | None) -> str:
    """``cuda`` or ``cpu``. A GPU that was asked for and is not there is an error, never a silent CPU run."""
    if gpus == 0:
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if gpus is None:
        return "cpu"
    raise EnvironmentProblem(
        f"the spec asks for a GPU (gpus: {gpus}) and CUDA finds none here",
        where="/run/gpus",
        hint='check the driver and the container runtime (`runner doctor`), or set "gpus": 0',
    )


def _code_runner(spec: TrainingSpec) -> CodeRunner | None:
    field = spec.model.spec.runs_code() if spec.model.spec is not None else None
    if field is None:
        return None
    from runner.execution.code_sandbox import CodeContainers

    return CodeContainers.opened(f"/model/spec/{field}")


def _threads() -> int:
    """How many threads the arithmetic uses: sums in another order differ in their last digits."""
    if (threads := wanted_threads()) is not None:
        return threads
    torch = sys.modules.get("torch")
    return torch.get_num_threads() if torch else os.cpu_count() or 1


def _gpu_name() -> str:
    import torch

    return str(torch.cuda.get_device_name(0))


@contextlib.contextmanager
def only_worker(run: Run) -> Iterator[None]:
    """Two workers never write one run: the second waits for the first to finish its checkpoint, then gives up.

    Raises :class:`ConflictError` then. What supervises a run has waited before it starts one (``earlier_worker``).
    """
    from filelock import FileLock, Timeout

    lock = FileLock(run.path / WORKER_LOCK, timeout=PATIENCE)
    try:
        lock.acquire()
    except Timeout:
        raise ConflictError("another worker is still at the run", where=run.id) from None
    try:
        yield
    finally:
        lock.release()


def _log(text: str) -> None:
    print(text, file=sys.stderr)


def listeners(run: Run, events: EventWriter) -> list[Any]:
    """Those who hear of a run where it trains."""
    plan = run.read("plan", PlanDocument)
    if plan is None or not plan.wandb:
        return []
    from runner.tracking.wandb_listener import WandbListener

    spec = run.document("spec")
    return [WandbListener(plan.wandb, run.path, spec, os.environ.get("WANDB_API_KEY"), events.emit)]


def done(started: float, others: int = 0) -> Outcome:
    """The end of an attempt that went well, with what it took: a later plan's estimates are made from that.

    ``others`` are the bytes that other processes held.
    """
    return Outcome(ok=True, seconds=round(time.monotonic() - started, 2), peak_memory=peak_memory() + others)


def _plain(value: Any) -> Any:
    """numpy scalars and NaN as JSON has them."""
    from runner.runs.events import finite

    return finite(value)


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder)


def _need_same(processes: Processes, text: str, what: str, where: str) -> None:
    """Raise :class:`EnvironmentProblem` where the machines of a training do not have the same of something."""
    if processes.nodes == 1:
        return
    import hashlib

    import torch

    own = torch.frombuffer(bytearray(hashlib.sha256(text.encode()).digest()), dtype=torch.uint8)
    if any(not torch.equal(own, each) for each in processes.gathered(own)):
        raise EnvironmentProblem(
            f"the machines of the training do not have the same {what}",
            where=where,
            hint="put files where all machines reach them, or have them staged: run.engine.inputs",
        )
