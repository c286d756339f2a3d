"""The program that tries programs, as the first process of their container, whose Python is handed its text.

It reads one line of JSON, ``{"token", "timeout", "memory", "programs": [{"source", "tests"}, ...]}``, and writes one
when it has, ``{"token", "at": -1}``, and one for every program when that is done, ``{"token", "at", "ends": [...]}``.
The first process of a container cannot be killed from within, and this one lets nobody open its files.
"""

import contextlib
import ctypes
import json
import os
import resource
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

#: Whether this is the container's first process: then every other is a program's.
ALONE = os.getpid() == 1
LARGEST_FILE = 16 * 1024 * 1024
NOT_DUMPABLE = 4
USUAL = {"LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
#: The mark is written once the tests are over, so that a program which leaves before has not passed.
HARNESS = """
import json, os, sys
given = json.loads(sys.stdin.read())
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
scope = {"__name__": "answer"}
exec(compile(given["source"], "answer.py", "exec"), scope)
exec(compile(given["test"], "tests.py", "exec"), scope)
os.write(int(sys.argv[1]), given["mark"].encode())
"""


def tried(source: str, tests: list[dict[str, str]], timeout: float, memory: int) -> list[str]:
    """How the tests of a program end, one after the other, within ``timeout`` seconds."""
    ends: list[str] = []
    deadline = time.monotonic() + timeout
    for test in tests:
        left = deadline - time.monotonic()
        folder = Path(tempfile.mkdtemp())
        try:
            ends.append(_test(source, test, folder, left, memory) if left > 0 else "timeout")
        finally:
            _clear(folder)
    return ends


def _test(source: str, test: dict[str, str], folder: Path, seconds: float, memory: int) -> str:
    reading, writing = os.pipe()
    mark = secrets.token_hex(16)
    if "python" in test:
        words = ["-c", HARNESS, str(writing)]
        given = json.dumps({"source": source, "test": test["python"], "mark": mark})
    else:
        program = folder / "answer.py"
        program.write_text(source, "utf-8", "surrogatepass")
        words, given = [str(program)], test["input"]
    said, asked = folder / "said", folder / "asked"
    asked.write_text(given, "utf-8", "surrogatepass")
    try:
        with said.open("wb") as output, asked.open("rb") as before:
            asked.unlink()
            process = subprocess.Popen(
                [sys.executable, "-I", *words],
                stdin=before,
                stdout=output,
                stderr=subprocess.DEVNULL,
                cwd=folder,
                env={
                    "PATH": os.environ.get("PATH", ""),
                    "HOME": str(folder),
                    "LANG": "C.UTF-8",
                    "OMP_NUM_THREADS": "1",
                },
                pass_fds=(writing,),
                start_new_session=True,
                preexec_fn=lambda: _limit(memory),
            )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            return "timeout"
        finally:
            _end(process)
        if code < 0:
            return "killed"
        if "python" in test:
            os.set_blocking(reading, False)
            with contextlib.suppress(BlockingIOError):
                return "passed" if os.read(reading, 64) == mark.encode() else "failed"
            return "failed"
        output_is_right = _lines(said.read_text("utf-8", "replace")) == _lines(test["output"])
        return "passed" if code == 0 and output_is_right else "failed"
    finally:
        os.close(reading)
        os.close(writing)


def _lines(text: str) -> list[str]:
    """A text but for blanks at the ends of its lines, and empty lines at its own."""
    return [line.rstrip() for line in text.strip().splitlines()]


def _limit(memory: int) -> None:
    """What a program may take, in its process before it begins."""
    resource.setrlimit(resource.RLIMIT_AS, (memory * 2**20, memory * 2**20))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Where memory runs out the kernel ends a program, and not what tries it.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a program and what it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if ALONE:
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
    process.wait()
    if ALONE:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, 0)[0]:
                pass


def _clear(folder: Path) -> None:
    """Remove what a program left, so that the next finds nothing."""
    for path in folder.parent.iterdir() if ALONE else [folder]:
        shutil.rmtree(path, ignore_errors=True)
        with contextlib.suppress(OSError):
            path.unlink()


def main() -> None:
    """Try what the line says."""
    if ALONE:
        ctypes.CDLL(None).prctl(NOT_DUMPABLE, 0, 0, 0, 0)
    asked = json.loads(sys.stdin.readline())
    print(json.dumps({"token": asked["token"], "at": -1}), flush=True)
    for at, program in enumerate(asked["programs"]):
        ends = tried(program["source"], program["tests"], asked["timeout"], asked["memory"])
        print(json.dumps({"token": asked["token"], "at": at, "ends": ends}), flush=True)


if __name__ == "__main__":
    main()
