"""Commands in copies of a process that has loaded what they import: a twentieth of a second, not one to six.

The copies are made by Python's fork server, which has begun no thread and read nothing of a test. A copy is a process
of its own with its own standard streams, directory and environment, and a training's worker is again a copy of it,
with its own session and its lease: only what importing costs is saved. What a variable changes while libraries are
imported needs a new interpreter: see :func:`like_ours`.
"""

from __future__ import annotations

import contextlib
import gc
import io
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

#: Libraries leave these in the environment of the process that imports them, which is a test's own.
LEFT_BY_LIBRARIES = ("HF_XET_", "KMP_", "TF_CPP_", "TORCHINDUCTOR_CACHE_DIR", "TPU_")
#: Variables that are read when a command runs, never when a library is imported, begin so.
READ_LATE = (
    "RUNNER_", "WANDB_", "NO_COLOR", "COLUMNS", "PYTEST_", "DOCKER_HOST", "TERM", *LEFT_BY_LIBRARIES,
    # Who is who among processes that train together.
    "MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "TORCHELASTIC_",
    "GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME",
    # Which cluster programs of Slurm speak to.
    "SLURM_CONF",
)  # fmt: skip
#: Files that a copy inherits have lower numbers than this.
MOST_FILES = 4096
#: What a person or a supervisor ends a command with.
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: The streams of the process that a copy was made of.
_REPLACED: list[Any] = []


@cache
def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.warm_modules"])
    return context


def inherited() -> dict[str, str]:
    """What a command has of the environment of a test: no test's imports, or it would differ from the copies'."""
    return {name: value for name, value in os.environ.items() if not name.startswith(LEFT_BY_LIBRARIES)}


@cache
def _ours() -> dict[str, str]:
    """The environment in which the fork server was started."""
    return inherited()


def like_ours(variables: Mapping[str, str]) -> bool:
    """Whether a command with these variables imports what a copy has imported."""
    ours = _ours()
    differing = {name for name in ours.keys() | variables.keys() if ours.get(name) != variables.get(name)}
    return all(name.startswith(READ_LATE) for name in differing)


def forget_variables() -> None:
    """Make the environment again what it was when the fork server was started: a variable that a test, or code that it
    ran in this process, has left would make every later command a new interpreter."""
    ours = _ours()
    for name in [name for name in ours.keys() | os.environ.keys() if not name.startswith(READ_LATE)]:
        if name in ours:
            os.environ[name] = ours[name]
        else:
            del os.environ[name]


def process(target: Any, given: tuple[Any, ...]) -> Any:
    """A process that runs a function of a test's, begun as a copy is."""
    child = _server().Process(target=target, args=given)
    child.start()
    return child


class Copy:
    """A command in a copy, begun: what a test asks of a ``Popen``. It reads ``given`` and writes into two files."""

    def __init__(self, words: Sequence[object], home: Path, variables: Mapping[str, str], given: bytes = b"") -> None:
        self._words = [str(word) for word in words]
        self._folder = tempfile.TemporaryDirectory()
        streams = [Path(self._folder.name) / name for name in ("in", "out", "err")]
        streams[0].write_bytes(given)
        self.out, self.err = streams[1:]
        self._child = _server().Process(target=_command, args=(self._words, home, dict(variables), streams))
        self._child.start()
        assert self._child.pid is not None
        self.pid: int = self._child.pid

    def poll(self) -> int | None:
        return self._child.exitcode

    def wait(self, timeout: float) -> int:
        self._child.join(timeout)
        code = self._child.exitcode
        if code is None:
            self.kill()
            raise subprocess.TimeoutExpired(self._words, timeout)
        return code

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self._child.kill()
        self._child.join()


def _command(words: list[str], home: Path, variables: dict[str, str], streams: list[Path]) -> None:
    flags = (os.O_RDONLY, *(2 * [os.O_WRONLY | os.O_CREAT]))
    typed(words, home, variables, [os.open(path, flag) for path, flag in zip(streams, flags, strict=True)])


def typed(words: list[str], home: str | Path, variables: dict[str, str], files: Sequence[int]) -> None:
    """A command in this process, with these open files as its streams. The worker that it starts is a copy too."""
    from torch.distributed.elastic.multiprocessing.subprocess_handler import subprocess_handler

    from runner.execution import local_executor

    local_executor.subprocess = _Starting()  # type: ignore[attr-defined]
    subprocess_handler.Popen = _one_of_several  # type: ignore[assignment,misc]
    become(words, home, variables, files)


def become(words: list[str], home: str | Path, variables: Mapping[str, str], files: Sequence[int]) -> None:
    """What ``python -m runner WORDS`` is, in this process, which ends with it."""
    code = 70
    try:
        for number, file in enumerate(files):
            os.dup2(file, number)
        os.closerange(3, MOST_FILES)
        os.chdir(home)
        os.environ.clear()
        os.environ.update(variables)
        tempfile.tempdir = None
        # Not taken apart, which would close their descriptors.
        _REPLACED.extend((sys.stdin, sys.stdout, sys.stderr))
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)))
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w", closefd=False)), "utf-8")
        sys.stderr = io.TextIOWrapper(
            io.BufferedWriter(io.FileIO(2, "w", closefd=False)), "utf-8", "backslashreplace", None, True
        )
        import runner
        from runner.cli import app, streams

        sys.argv = [str(Path(runner.__file__).with_name("__main__.py")), *words]
        gc.disable()
        streams.guard()
        code = streams.settled(app.run(words))
    except BaseException:  # noqa: BLE001 - nothing may come out of the copy
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(int(code))


class _Starting:
    """The module ``subprocess`` to the executor of a copy, but that the worker it starts is a copy too."""

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)

    def Popen(self, words: list[str], **options: Any) -> Any:
        own = words[:3] == [sys.executable, "-m", "runner"] and like_ours(options["env"])
        return Worker(words[3:], **options) if own else subprocess.Popen(words, **options)


def _one_of_several(args: Sequence[str], *, env: Mapping[str, str], **options: Any) -> Any:
    """One of the processes that train together, as torch starts them: a copy of the worker."""
    if not like_ours(env):
        return subprocess.Popen(args, env=env, **options)
    # Its standard streams are the worker's, which has made its own input the lease.
    return _Forked(args[3:], Path.cwd(), env, [0, 1, 2])


class _Forked:
    """What is asked of a ``Popen``: a copy of this process with a session of its own, and a command to be."""

    def __init__(self, words: Sequence[str], cwd: Path, env: Mapping[str, str], files: Sequence[int]) -> None:
        # A signal to the copy that is sent at once waits: it is the copy's, not the handlers' that it was born with.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            for number in STOPPING:
                # As a new program has it: what was ignored stays ignored, what was caught ends it.
                if signal.getsignal(number) is not signal.SIG_IGN:
                    signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            become(words, cwd, env, files)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._words = words
        self._code: int | None = None

    def poll(self) -> int | None:
        return self._ended(os.WNOHANG)

    def wait(self, timeout: float | None = None) -> int:
        end = None if timeout is None else time.monotonic() + timeout
        while (code := self._ended(0 if end is None else os.WNOHANG)) is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired(self._words, timeout or 0)
            time.sleep(0.01)
        return code

    def _ended(self, options: int) -> int | None:
        if self._code is None:
            found, status = os.waitpid(self.pid, options)
            self._code = os.waitstatus_to_exitcode(status) if found else None
        return self._code

    def terminate(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)


class Worker(_Forked):
    """What the executor asks of its child. ``stdin`` is the lease."""

    def __init__(self, words: list[str], *, cwd: Path, env: Mapping[str, str], stdout: Any, **_: Any) -> None:
        theirs, ours = os.pipe()
        super().__init__(words, cwd, env, [theirs, stdout.fileno(), stdout.fileno()])
        os.close(theirs)
        self.stdin = os.fdopen(ours, "wb")
