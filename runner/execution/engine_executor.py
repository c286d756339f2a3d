"""The executor of other machines: stages what a run reads, submits its entry command, and follows its directory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from runner.engines import run_orders, staged_inputs
from runner.engines.engine import Engine, Order
from runner.engines.names import open_engine
from runner.engines.remote_checkpoints import upload_seconds
from runner.engines.run_root import AttemptEnd, Forgiven, RunRoot
from runner.engines.staged_inputs import Input
from runner.engines.storage import FolderStorage, Storage, need_exclusive, open_storage
from runner.engines.verdict import Budget, Standing, judge
from runner.errors import ConflictError, EnvironmentProblem
from runner.execution.engine_handle import EngineHandle
from runner.execution.executor import Job
from runner.execution.plan_document import PlanDocument
from runner.execution.remote_entry import SUBMISSION, budget_of
from runner.execution.remote_run import RemoteRun
from runner.execution.run_inputs import inputs_of, need_covered, run_id
from runner.runs.events import EventWriter
from runner.runs.run_folder import Run
from runner.spec.canonical import canonical
from runner.spec.checking import load_file
from runner.spec.envelope import RunSection, TrainingSpec
from runner.tracking.wandb_run import AGENT

#: W&B's variables that are no secrets.
PLAIN = ("WANDB_BASE_URL", "WANDB_MODE", "WANDB_ENTITY", *AGENT)


class EngineExecutor:
    """Runs jobs on the machines of an engine. ``section`` is the spec's ``run``."""

    def __init__(self, section: RunSection) -> None:
        assert section.engine is not None
        self.name: str = section.executor
        self._section, self._own = section, section.engine
        self._opened: Engine | None = None

    def engine(self) -> Engine:
        """The engine, opened once."""
        self._opened = self._opened or open_engine(self.name)
        return self._opened

    def storage(self) -> Storage:
        """Where the runs are."""
        return open_storage(self._own.root)

    def check(self, job: Job) -> None:
        """Raise for what cannot be honoured, before anything is written: by its pointer."""
        # What is wrong with the spec first: nobody makes a folder for a run that cannot be.
        self.submission(job)
        storage = self.storage()
        if isinstance(storage, FolderStorage) and not Path(storage.address).is_dir():
            raise EnvironmentProblem(
                "there is no such folder",
                where=f"/run/engine/root: {storage.address}",
                hint="make it where all machines have it",
            )
        self.engine().check(self.order(job, "RUN"))
        need_exclusive(storage)

    def order(self, job: Job, run: str, number: int = 1) -> Order:
        """What the engine is asked for the run of this id."""
        own, storage = self._own, self.storage()
        address = storage.within(run).address
        folder = storage.local(run)
        return Order(
            name=run_orders.order_name(run, number),
            command=("runner", "worker", "--root", address),
            folder=str(folder) if folder is not None else None,
            environment={SUBMISSION: str(number)} | {name: job.secrets[name] for name in PLAIN if name in job.secrets},
            secret_names=tuple(sorted(name for name in job.secrets if name not in PLAIN)),
            image=self._section.image,
            nodes=own.nodes,
            gpus=self._gpus(),
            cpus=self._section.cpus,
            memory=self._section.memory_bytes,
            time_limit=own.lifetime,
            stop_grace=own.stop_grace,
            queue=own.queue,
            options=own.options,
        )

    def command(self, job: Job, run: str = "RUN") -> list[str]:
        """The entry command. ``RUN`` stands for an id that is not known yet."""
        return list(self.order(job, run).command)

    def submission(self, job: Job, run: str = "RUN") -> str:
        """What would be submitted, as a user would write it by hand. Raises for what can be told without the engine."""
        return self.engine().text(self.order(job, run))

    def id_of(self, spec: TrainingSpec, plan: PlanDocument) -> str:
        """The id that a run of this plan has, here and on the engine."""
        return run_id(spec, plan, inputs_of(spec, plan), self._own.label)

    def start(self, job: Job) -> EngineHandle:
        """Stage what it reads, put its documents there, submit it, or attach to what runs there already."""
        run = Run(job.run)
        spec, plan = load_file(run.path / "spec.json").spec, run.needed("plan", PlanDocument)
        inputs = inputs_of(spec, plan)
        found = run_id(spec, plan, inputs, self._own.label)
        known = run.read("remote", RemoteRun)
        if known is not None and (known.run, known.root) != (found, self.storage().address):
            raise ConflictError(
                f"on an engine a run is its spec and its data: this one was {known.run}, and would be {found}",
                where=run.id,
                hint="put back what has changed, or train what it is now without --resume",
            )
        root = RunRoot(self.storage(), found)
        run.write("remote", known or RemoteRun(root=self.storage().address, run=found))
        budget = budget_of(canonical(spec))
        notes = self._open_again(root, budget)
        verdict = judge(root, budget)
        if verdict.standing is not Standing.DONE and not verdict.live:
            self.put(root, job, canonical(spec), plan, inputs)
        if verdict.standing is Standing.DONE:
            notes.append(f"{found} has been trained already: its model is fetched")
        elif verdict.live:
            notes.append(f"{found} is being trained already: this follows it")
        notes += self._short_grace(root)
        events = EventWriter(run.path)
        try:
            for note in notes:
                events.emit("warning", message=note)
        finally:
            events.close()
        self._export(job.secrets)
        handle = EngineHandle(run, root, self.engine(), lambda number: self.order(job, found, number), budget)
        handle.begin()
        return handle

    def _gpus(self) -> int:
        gpus = self._section.gpus
        # The spec's are those of all nodes, and an engine is asked for each node's.
        return gpus // self._own.nodes if isinstance(gpus, int) else 0

    def _open_again(self, root: RunRoot, budget: Budget) -> list[str]:
        """Whoever asks for a run that was stopped or has failed asks for it again."""
        cancelled = root.cancelled()
        if cancelled is not None and cancelled.final:
            raise ConflictError(
                "the run was cancelled",
                where=root.address,
                hint='to train the same spec anew, give it another name: run.engine.label, such as "again"',
            )
        notes = []
        if cancelled is not None:
            if judge(root, budget).live:
                raise ConflictError(
                    "the run was stopped, and is still saving its checkpoint", where=root.address, hint="in a moment"
                )
            root.storage.remove("cancelled.json")
            notes.append(f"{root.id} was stopped: it goes on")
        if judge(root, budget).standing is Standing.FAILED:
            attempts, submissions = (max(root.numbers(each), default=0) for each in ("attempts", "submissions"))
            root.write("forgiven.json", Forgiven(attempts=attempts, submissions=submissions))
        return notes

    def put(
        self, root: RunRoot, job: Job, spec: dict[str, object], plan: PlanDocument, inputs: Mapping[str, Input]
    ) -> None:
        """The run's documents, with its files where nodes find them."""
        storage = self.storage()
        staged = self._own.inputs == "staged" or (self._own.inputs is None and not isinstance(storage, FolderStorage))
        changes: dict[str, str] = {}
        if staged:
            need_covered(job.read_only, inputs)
            changes = {said: staged_inputs.stage(storage, found) for said, found in inputs.items()}
        root.write("spec.json", staged_inputs.replaced(spec, changes))
        root.write("plan.json", staged_inputs.replaced(plan.to_document(), changes))

    def _short_grace(self, root: RunRoot) -> list[str]:
        """A time to stop in that was too short for this run's checkpoint before."""
        ends = [root.read(f"attempts/{number:04d}/end.json", AttemptEnd) for number in root.numbers("attempts")]
        took = [end.stop_seconds for end in ends if end is not None and end.stop_seconds is not None]
        last = max([*took[-1:], *([seconds] if (seconds := upload_seconds(root)) is not None else [])], default=None)
        if last is None or self._own.stop_grace >= 2 * last:
            return []
        return [
            f"/run/engine/stop_grace: {self._own.stop_grace:g} s are less than twice the {last:.1f} s that this run's "
            f"last checkpoint took: {2 * last:.0f} or more are safe"
        ]

    def _export(self, secrets: Mapping[str, str]) -> None:
        """An engine hands variables over by their names: those that came from elsewhere, such as W&B's own file, are
        variables of this process from now on."""
        for name, value in secrets.items():
            os.environ.setdefault(name, value)
