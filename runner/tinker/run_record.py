"""A program's training as a run: its directory, its events and who hears of them, and the stored model at its end."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner import __version__, registry
from runner.errors import ExitCode, Interrupted, RunFailed, RunnerError
from runner.execution.image_lookup import source_hash
from runner.execution.plan_document import PROGRAM, PlanDocument
from runner.runs.events import EventWriter
from runner.runs.run_documents import Failure, Outcome, RunResult
from runner.runs.run_folder import Run, State
from runner.store.manifest import ModelFacts
from runner.store.model_lookup import StoredModel
from runner.store.model_storing import check_store, promote
from runner.store.replay_lock import ReplayLock
from runner.tracking.run_listeners import Audience
from runner.workspace import Workspace, current_folder

#: What such a run's spec has where others name their data.
DATA = "the rows of a program"


class RunRecord:
    """One such run, from its beginning to its end. Its process holds the run's lock."""

    def __init__(
        self, workspace: Workspace, name: str, section: Mapping[str, Any], wandb: Mapping[str, Any] | None, seed: int,
        device: str, metadata: Mapping[str, Any], references: Mapping[str, str],
    ) -> None:  # fmt: skip
        self._workspace, self._kind, self._name = workspace, str(section["model_type"]), name
        self._references = dict(references)
        check_store(workspace.store, self._kind, name)
        self.spec: dict[str, Any] = {
            "spec_version": 1,
            "model": {"name": name, "spec": dict(section)},
            "data": {"dataset": DATA},
        }
        if wandb is not None:
            self.spec["wandb"] = dict(wandb)
        plan = PlanDocument(
            model_type=self._kind,
            name=name,
            headline=registry.task(self._kind).headline.as_dict(),
            executor=PROGRAM,
            cwd=str(current_folder()),
            cache=str(workspace.cache.absolute()),
            wandb=dict(wandb) if wandb is not None else None,
            code=source_hash(),
        )
        self.run = Run.create(workspace.runs, name, {"spec": self.spec, "plan": plan})
        if metadata:
            self.run.write("user_metadata", dict(metadata))
        self._held = contextlib.ExitStack()
        self._held.enter_context(self.run.lock())
        self.run.transition(State.RUNNING, executor=PROGRAM)
        self._lock = self._facts(seed, device)
        self.run.write("lock", self._lock)
        self._began, self._last = time.monotonic(), dict[str, float]()
        self._events = EventWriter(self.run.path)
        self._audience = Audience([], self._log)
        if wandb is not None:
            from runner.tracking.wandb_listener import WandbListener, find_key

            listener = WandbListener(wandb, self.run.path, self.spec, find_key(), self._events.emit)
            self._audience = Audience([listener], self._log)
        self.emit("started", model_type=self._kind, name=name, device=device, seed=seed, pid=os.getpid())

    def emit(self, event: str, **fields: Any) -> None:
        """Write an event down, and tell it."""
        if event == "step":
            self._last = {name: value for name, value in fields.get("metrics", {}).items() if value is not None}
        self._audience.handle(self._events.emit(event, **fields))

    def finish(self, write: Any, step: int) -> StoredModel | None:
        """End well. ``write`` puts the model into a folder, which is stored; without a step there is nothing to store,
        and the run counts as cancelled."""
        if not step:
            self._end(State.CANCELLED, ExitCode.DONE, note="no step was taken")
            return None
        artifact = self.run.path / "artifact"
        shutil.rmtree(artifact, ignore_errors=True)
        artifact.mkdir()
        write(artifact)
        self.emit("metrics", metrics=self._last)
        self.run.write("tables", {})
        self.run.write("result", RunResult(metrics=dict(self._last)))
        self.run.write("outcome", Outcome(ok=True, seconds=round(time.monotonic() - self._began, 2)))
        facts = ModelFacts(
            run=self.run.id,
            created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            spec=json.loads(json.dumps(self.spec)),
            references=self._references,
            metrics=dict(self._last),
            caveats=("trained step by step by a program: its spec does not train it again",),
            lock=self._lock,
        )
        model = promote(self._workspace.store, self._kind, self._name, artifact, facts, move=True)
        self.emit("finished")
        self._end(State.SUCCEEDED, ExitCode.DONE, model=model)
        return model

    def fail(self, error: BaseException | None, status: str) -> None:
        """End badly: ``errored``, or ``interrupted``, which another run can take up from what was saved."""
        if isinstance(error, RunnerError):
            told = error
        elif status == "interrupted":
            told = Interrupted("the program was interrupted")
        else:
            told = RunFailed(
                f"the program ended with {type(error).__name__}: {error}" if error else "the program failed"
            )
        self.run.write("outcome", Outcome(ok=False, error=Failure.of(told)))
        self.emit("stopped" if status == "interrupted" else "failed", error=told.as_dict())
        state = State.INTERRUPTED if status == "interrupted" else State.FAILED
        self._end(state, told.code, failure=Failure.of(told))

    def _end(
        self, state: State, code: int, *, note: str | None = None, failure: Failure | None = None,
        model: StoredModel | None = None,
    ) -> None:  # fmt: skip
        self._audience.close(int(code))
        self._events.close()
        self.run.transition(
            state,
            exit_code=int(code),
            note=note,
            failure=failure,
            model=model.reference if model else None,
            stored_at=str(model.path.absolute()) if model else None,
        )
        self._held.close()

    def _facts(self, seed: int, device: str) -> ReplayLock:
        from importlib.metadata import version

        torch = sys.modules.get("torch")
        requires = registry.load(self._kind).REQUIRES
        return ReplayLock(
            seed=seed,
            device=device,
            threads=torch.get_num_threads() if torch is not None else None,
            runner=__version__,
            code=source_hash(),
            python=platform.python_version(),
            packages={name: version(name) for name in sorted({*requires, "numpy", "pydantic"})},
        )

    def _log(self, text: str) -> None:
        with Path(self.run.path / "log.txt").open("a", encoding="utf-8") as file:
            file.write(text + "\n")
