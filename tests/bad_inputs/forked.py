"""A command in a copy of this process, which has the command line loaded: a twentieth of a second, not a half."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from functools import cache

from runner import registry
from runner.cli import app
from runner.spec.loading import load
from tests.bad_inputs.materials import NETWORK, TEXT
from tests.conftest import Desk, Ran


@cache
def _preload() -> None:
    """Import what a command would, but for the heavy libraries, and build the schemas that it would check against."""
    for verb in ("train", "infer", "runs", "validate", "spec", "schema", "replay", "image"):
        importlib.import_module(f"runner.cli.{verb}")
    for module in ("execution.train_resume", "execution.docker_executor", "inference.opening", "tracking.terminal"):
        importlib.import_module(f"runner.{module}")
    for kind in registry.kinds():
        registry.load(kind)
    for text in (TEXT, NETWORK):
        load(text)


def forked(desk: Desk, words: Sequence[object], stdin: bytes) -> Ran:
    """What ``desk(*words)`` gives. The child has its own standard streams, environment and directory."""
    _preload()
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin)
        given.seek(0)
        child = os.fork()
        if child == 0:
            code = 70
            try:
                for number, stream in enumerate((given, out, err)):
                    os.dup2(stream.fileno(), number)
                sys.stdin = io.TextIOWrapper(io.FileIO(0))
                sys.stdout = io.TextIOWrapper(io.FileIO(1, "w"), encoding="utf-8")
                sys.stderr = io.TextIOWrapper(io.FileIO(2, "w"), encoding="utf-8", errors="backslashreplace")
                os.chdir(desk.home)
                variables = desk.variables
                os.environ.clear()
                os.environ.update(variables)
                code = app.run([str(word) for word in words])
            except BaseException:  # noqa: BLE001 - nothing may come out of the copy
                traceback.print_exc()
            finally:
                with contextlib.suppress(Exception):
                    sys.stdout.flush()
                    sys.stderr.flush()
                os._exit(int(code))
        _, status = os.waitpid(child, 0)
        out.seek(0)
        err.seek(0)
        return Ran(os.waitstatus_to_exitcode(status), out.read().decode(), err.read().decode())
