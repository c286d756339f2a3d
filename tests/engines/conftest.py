"""A cluster of processes of this machine, with a folder of runs, and a folder to submit from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from runner.engines import names
from runner.engines.run_root import RunRoot
from runner.engines.storage import FolderStorage
from runner.execution import train_and_resume
from runner.execution.train_and_resume import Finished
from runner.runs.event_hold import AT, FILE
from runner.spec.checking import LoadedSpec, load
from runner.workspace import Workspace
from tests.engines.process_engine import PROCESS_ENGINE, ProcessEngine
from tests.holding import wait


@dataclass
class Cluster:
    """The engine ``slurm`` is processes here; ``root`` is what they and we reach."""

    home: Path
    root: Path
    pool: ThreadPoolExecutor = field(default_factory=ThreadPoolExecutor)

    @property
    def workspace(self) -> Workspace:
        return Workspace.below(self.home)

    def document(self, **changes: Any) -> dict[str, Any]:
        """The lightest spec that has checkpoints. ``engine`` and ``run`` are added to its sections."""
        engine = {"root": str(self.root)} | changes.pop("engine", {})
        run = {"executor": "slurm", "gpus": 0, "engine": engine} | changes.pop("run", {})
        kind = {"model_type": "elo_scoring", "min_model_occurrences": 20} | changes.pop("kind", {})
        return {
            "model": {"name": "elo", "spec": kind},
            "data": {"dataset": "sample"},
            "epochs": 3,
            "run": run,
        } | changes

    def spec(self, **changes: Any) -> LoadedSpec:
        import json

        return load(json.dumps(self.document(**changes)), source="spec.json")

    def train(self, **changes: Any) -> Finished:
        return train_and_resume.train(self.spec(**changes), self.workspace)

    def begin(self, **changes: Any) -> Future[Finished]:
        """The same, in a thread: the test does something to it meanwhile."""
        return self.pool.submit(train_and_resume.train, self.spec(**changes), self.workspace)

    def run(self) -> RunRoot:
        """The one run that is in the root."""
        (found,) = [path.name for path in self.root.iterdir() if (path / "plan.json").exists()]
        return RunRoot(FolderStorage(self.root), found)

    def hold(self, at: str) -> None:
        """Workers that are started from now on wait at an event."""
        self.mark.unlink(missing_ok=True)
        ProcessEngine.environment = {AT: at, FILE: str(self.mark)}

    def reached(self) -> None:
        """Wait until one does."""
        wait(self.mark.exists)

    def go_on(self) -> None:
        """Workers wait no more, neither this one nor the next."""
        ProcessEngine.environment = {}
        self.mark.unlink(missing_ok=True)

    @property
    def mark(self) -> Path:
        return self.home / "held"

    def silent_since_long(self, number: int) -> None:
        """The storage has not heard of the attempt's owner for a day."""
        for name in ("lease.json", "claim.json"):
            path = self.root / self.run().id / "attempts" / f"{number:04d}" / name
            os.utime(path, (path.stat().st_mtime - 86400,) * 2)

    def there(self, key: str) -> bool:
        """Whether a file of the run is in the root."""
        return (self.root / self.run().id / key).exists()


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    root, home = tmp_path / "root", tmp_path / "home"
    root.mkdir()
    home.mkdir()
    monkeypatch.chdir(home)
    monkeypatch.setenv("RUNNER_CACHE_DIR", os.environ.get("RUNNER_TEST_CACHE", str(tmp_path / "cache")))
    monkeypatch.setitem(names.ENGINES, "slurm", PROCESS_ENGINE)
    ProcessEngine.reset(tmp_path)
    found = Cluster(home, root)
    try:
        yield found
    finally:
        ProcessEngine.reset(tmp_path)
        found.pool.shutdown(wait=False, cancel_futures=True)
