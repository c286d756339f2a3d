"""What runs in the container of :mod:`tests.contained`: libraries are loaded once, and each command is a copy.

It lies in the container beside ``warm.py``, without the tests and what they import. Its standard input ends with the
test process, and it ends with that.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import select
import sys
from pathlib import Path

LIBRARIES = ("torch._dynamo", "torch.optim", "transformers.models.llama.modeling_llama", "peft", "pandas", "xgboost")


def serve(folder: Path) -> None:
    """Run the commands that come through a pipe of this folder, one after another."""
    import runner

    # Beside this file; it imports nothing of the tests.
    warm = importlib.import_module("warm")

    for name in LIBRARIES:
        importlib.import_module(name)
    for module in pkgutil.walk_packages(runner.__path__, "runner."):
        # The rest of agents needs a package that an image has not.
        if not module.name.endswith("__main__") and not module.name.startswith("runner.agents."):
            importlib.import_module(module.name)
    gc.collect()
    gc.freeze()
    # Open for writing too: it does not end between two commands.
    asked = os.open(folder / "asked", os.O_RDWR)
    (folder / "ready").touch()
    waiting = b""
    while True:
        ready, _, _ = select.select([0, asked], [], [])
        if 0 in ready and not os.read(0, 4096):
            return
        waiting += os.read(asked, 65536) if asked in ready else b""
        while b"\n" in waiting:
            line, _, waiting = waiting.partition(b"\n")
            answer(warm, folder, json.loads(line))


def answer(warm: object, folder: Path, command: dict) -> None:
    """One command to its end; its exit code is in the file ``ended`` then."""
    child = os.fork()
    if child == 0:
        files = [
            os.open(os.devnull, os.O_RDONLY),
            *(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) for name in ("out", "err")),
        ]
        warm.become(command["words"], command["home"], dict(os.environ), files)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    (folder / "ending").write_text(str(code))
    (folder / "ending").rename(folder / "ended")


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
