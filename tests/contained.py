"""One container for many commands: it is what the executor makes for a run, and its commands are copies of a process.

To import torch and transformers takes a new container five seconds and more, whatever it is for. Here that is paid
once; that a container of its own trains a run is shown by ``tests/execution/test_docker_road.py``.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path
from typing import Any

from runner.execution import image_lookup as images
from runner.execution.docker_executor import DockerExecutor
from runner.execution.executor import Job
from runner.execution.file_ownership import UNPRIVILEGED, hand_over
from tests import contained_program, warm
from tests.conftest import Ran
from tests.holding import wait


class _Serving(DockerExecutor):
    """The executor, all of it, but that the container runs the program in the worker's place."""

    def _describe(self, *arguments: Any) -> Any:
        job: Job = arguments[0]
        command = (str(job.run / Path(contained_program.__file__).name), str(job.run))
        return dataclasses.replace(super()._describe(*arguments), entrypoint=("python3",), command=command)


class Contained:
    """The container. ``folder`` is what it and the tests see, at the same path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for module in (warm, contained_program):
            shutil.copy(str(module.__file__), folder)
        os.mkfifo(folder / "asked")
        # One processor and one thread: sums that are split over more come out differently in their last digits.
        self.cache = folder / "cache"
        job = Job(run=folder, cwd=folder, cache=self.cache, image=images.tag("cpu"), gpus=0, cpus=1)
        self._handle = _Serving().start(job)
        try:
            self._until("ready")
        except BaseException:
            self.close()
            raise

    def __call__(self, *words: object, home: Path) -> Ran:
        """``runner`` in the container, with what lies in its folder by now; ``home`` is the current directory."""
        if os.geteuid() == 0:
            hand_over(self.folder, UNPRIVILEGED)
        (self.folder / "ended").unlink(missing_ok=True)
        with (self.folder / "asked").open("w") as asked:
            asked.write(json.dumps({"words": [str(word) for word in words], "home": str(home)}) + "\n")
        code = self._until("ended").read_text()
        return Ran(int(code), *((self.folder / name).read_text("utf-8") for name in ("out", "err")))

    def _until(self, name: str) -> Path:
        file = self.folder / name

        def there() -> bool:
            log = self.folder / "log.txt"
            assert self._handle.poll() is None, f"the container ended: {log.read_text() if log.exists() else ''}"
            return file.exists()

        wait(there)
        return file

    def close(self) -> None:
        """End it, and remove it."""
        self._handle.kill()
        wait(lambda: self._handle.poll() is not None)
        self._handle.close()
