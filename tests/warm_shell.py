"""Commands that a shell types, with its pipes and redirections, in copies of a process that has its libraries loaded.

``runner`` in such a shell is :mod:`tests.typed_program`. It hands its streams to a thread of the tests, which begins a
copy with them (:mod:`tests.warm`) and says how that ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import socket
import sys
import tempfile
import threading
from collections.abc import Mapping
from functools import cache
from multiprocessing import reduction
from pathlib import Path
from typing import Any

from tests import warm

CLIENT = Path(__file__).with_name("typed_program.py")
ROOT = Path(__file__).parents[1]
#: What a shell sets for what it starts, and what a test's shell has of its own: read when a command runs. Where it
#: looks for Python's modules has to be the checkout alone.
SHELLS = {"PATH", "HOME", "PYTHONPATH", "PWD", "OLDPWD", "SHLVL", "_"}


def program() -> str:
    """The file to put into a shell's ``PATH`` as ``runner``."""
    words = [sys.executable, "-IS", CLIENT, _listener()]
    return f'#!/bin/sh\nexec {shlex.join(map(str, words))} "$@"\n'


@cache
def _listener() -> str:
    """The path of the socket at which a thread answers, for as long as the tests run."""
    # Below the tests' own folders its name could be too long.
    folder = tempfile.TemporaryDirectory(prefix="typed-")
    path = str(Path(folder.name) / "s")
    heard = socket.socket(socket.AF_UNIX)
    heard.bind(path)
    heard.listen()

    def listen() -> None:
        _KEPT.append(folder)
        while True:
            call, _ = heard.accept()
            threading.Thread(target=_answer, args=(call,), daemon=True).start()

    threading.Thread(target=listen, daemon=True).start()
    return path


_KEPT: list[Any] = []


def _answer(call: socket.socket) -> None:
    """Run what one program was asked to, to its end."""
    # Who asked may have been killed.
    with call, contextlib.suppress(OSError):
        data, files, _, _ = socket.recv_fds(call, 1, 3)
        try:
            while more := call.recv(1 << 16):
                data += more
            words, home, variables = json.loads(data[1:])
            if not _as_ours(variables):
                call.sendall(b"new")
                return
            child = warm.process(warm.typed, (words, home, variables, [_Handed(file) for file in files]))
        finally:
            # A pipe is at its end when nobody has it open.
            for file in files:
                os.close(file)
        child.join()
        call.sendall(str(child.exitcode).encode())


def _as_ours(variables: Mapping[str, str]) -> bool:
    if variables.get("PYTHONPATH") != str(ROOT):
        return False
    of_the_shell = {name for name in {*variables, *os.environ} if name in SHELLS or name.startswith("XDG_")}
    ours = {name: os.environ[name] for name in of_the_shell if name in os.environ}
    return warm.like_ours({name: value for name, value in variables.items() if name not in of_the_shell} | ours)


class _Handed:
    """A descriptor on its way to a copy: there it is a number."""

    def __init__(self, file: int) -> None:
        self._file = file

    def __reduce__(self) -> tuple[Any, tuple[Any]]:
        return _number, (reduction.DupFd(self._file),)


def _number(handed: Any) -> int:
    return int(handed.detach())
