"""A container that was started: waiting for it, asking it to stop, its output, why it ended, leaving nothing."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runner.errors import ExitCode, RunnerError
from runner.execution import docker_engine as engines
from runner.execution.docker_engine import Engine
from runner.execution.executor import Job
from runner.execution.failure_classes import of_container
from runner.execution.file_ownership import hand_over
from runner.execution.image_lookup import Image
from runner.execution.secret_files import SecretFiles

#: How long an engine may be silent before its containers count as lost, seconds: a restart takes a few.
PATIENCE = 10.0


class DockerHandle:
    """A running container. Two threads wait: one for its end, one for its output."""

    def __init__(
        self,
        *,
        engine: Engine,
        container: Any,
        lease: Any,
        job: Job,
        image: Image,
        memory: int,
        secrets: SecretFiles | None,
        give_back_to: tuple[int, int] | None,
    ) -> None:
        self._engine = engine
        self._container = container
        self._lease = lease
        self._job = job
        self._image = image
        self._memory = memory
        self._secrets = secrets
        self._give_back_to = give_back_to
        self._started = time.time()
        self._code: int | None = None
        self._gone = self._removed = self._killed = False
        self._waiter = threading.Thread(target=self._wait, daemon=True)
        self._reader = threading.Thread(target=self._copy_output, daemon=True)
        self._waiter.start()
        self._reader.start()

    def poll(self) -> int | None:
        """The worker's exit code, None while it runs; ``ENVIRONMENT`` once the engine is gone."""
        return self._code

    def terminate(self) -> None:
        """SIGTERM, which checkpoints. Where no engine passes it on the lease ends, to the same effect."""
        if self._code is None and not self._signal("SIGTERM"):
            self._end_lease()

    def kill(self) -> None:
        """SIGKILL."""
        if self._code is None:
            self._killed = True
            self._signal("SIGKILL")

    def facts(self) -> dict[str, Any]:
        """What identifies it; a stale image was built from other code than ours."""
        return {
            "container": self._container.id,
            "image": self._image.name,
            "image_digest": self._image.digest,
            "image_stale": self._image.stale,
        }

    def memory_used(self) -> int | None:
        """None: the kernel enforces the container's limit."""
        return None

    def failure(self) -> RunnerError | None:
        """After it ended: out of memory, engine gone, container removed by somebody. None: ask the worker's outcome."""
        return of_container(
            self._code,
            run=self._job.run.name,
            gone=self._gone,
            removed=self._removed,
            killed=self._killed,
            over_limit=self._memory if self._hit_its_limit() else None,
        )

    def forget_secrets(self) -> None:
        """Delete the files that the container read its secrets from."""
        if self._secrets is not None:
            self._secrets.close()

    def close(self) -> None:
        """Remove the container and the secrets, and give the run's directory back. Never raises."""
        if self._code is None:
            self.kill()
        self._waiter.join(timeout=PATIENCE)
        self._reader.join(timeout=5)
        removed = self._removed
        with contextlib.suppress(Exception):
            self._container.remove(force=True, v=True)
            removed = True
        self._end_lease()
        if self._secrets is not None:
            self._secrets.close()
        # A container that an engine left behind may still be writing its last checkpoint.
        if self._give_back_to is not None and removed:
            with contextlib.suppress(OSError):
                hand_over(self._job.run, self._give_back_to)

    def _signal(self, name: str) -> bool:
        """Send a signal; False if there was no engine to send it."""
        try:
            self._container.kill(signal=name)
        except Exception as error:  # noqa: BLE001 - it ended meanwhile, or the engine did: the waiter finds out which
            return not engines.is_gone(error)
        return True

    def _end_lease(self) -> None:
        # Closing the SDK's file object leaves the connection open.
        with contextlib.suppress(OSError, ValueError), socket.socket(fileno=os.dup(self._lease.fileno())) as connection:
            connection.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self._lease.close()

    def _wait(self) -> None:
        """Wait for the end, over an engine's restart, but not for an engine that stays away."""
        from docker.errors import NotFound

        silent_since: float | None = None
        while True:
            try:
                # Without a time limit: the answer comes when the container ends.
                code = self._engine.client.api.wait(self._container.id, timeout=None)["StatusCode"]
                self._finish(int(code))
                return
            except NotFound:
                self._removed = True
                self._finish(int(ExitCode.KILLED))
                return
            except Exception:  # noqa: BLE001, S110 - a cut connection raises many things; the ping tells them apart
                pass
            now = time.monotonic()
            silent_since = silent_since or now
            if self._answers():
                silent_since = None
            elif now - silent_since > PATIENCE:
                self._gone = True
                self._finish(int(ExitCode.ENVIRONMENT))
                return
            time.sleep(0.2)

    def _answers(self) -> bool:
        try:
            return bool(self._engine.client.ping())
        except Exception:  # noqa: BLE001 - any failure is the answer no
            return False

    def _finish(self, code: int) -> None:
        # The output is complete before anybody is told of the end.
        self._reader.join(timeout=5)
        self._code = code

    def _copy_output(self) -> None:
        """What the worker prints becomes the run's log, as with a local process."""
        log = self._job.run / "log.txt"
        with contextlib.suppress(Exception):
            stream = self._container.logs(stream=True, follow=True)
            _append(log, stream)

    def _hit_its_limit(self) -> bool:
        """By the container's state, or by the engine's events: a child's death in a container that lives on, and some
        control group versions, show in the second only."""
        if self._code in (None, ExitCode.DONE, ExitCode.STOPPED) or self._gone or self._removed:
            return False
        try:
            if self._engine.client.api.inspect_container(self._container.id)["State"].get("OOMKilled"):
                return True
            events = self._engine.client.events(
                since=int(self._started),
                until=int(time.time()) + 1,
                filters={"container": self._container.id, "event": "oom"},
                decode=True,
            )
            return any(True for _ in events)
        except Exception:  # noqa: BLE001 - an engine that cannot be asked has nothing to add
            return False


def _append(log: Path, stream: Iterator[bytes]) -> None:
    with log.open("ab", buffering=0) as file:
        for chunk in stream:
            file.write(chunk)
