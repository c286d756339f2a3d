"""A Ray head on this machine for one run: started with it, and ended when its job is over.

A keeper, a process of its own (``python -m runner.engines.ray_head``), starts the head, watches the job and ends the
head: it lives on when whoever submitted the job is gone. What it leaves is how the job ended and the end of its output.
The head asks for a token that this user alone can read: other users of the machine cannot start programs by it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import filelock
import psutil

from runner.engines.ray_cluster import TOKEN, TOKEN_FILE, RayCluster, Refused
from runner.errors import EnvironmentProblem
from runner.store.files import read_json, write_json

#: Seconds until a head that is started answers, and until somebody submits a job to it; and between two looks.
START_PATIENCE, SUBMIT_PATIENCE, LOOK_EVERY = 180.0, 300.0, 1.0
#: How often a start is tried.
STARTS = 3
#: Tells the processes of one head from all others.
MARK = "RUNNER_RAY_NODE"
#: Bytes of a job's output that are kept.
WORDS = 65_536
#: The least that Ray takes, in bytes: a run keeps nothing in Ray's store of objects.
_OBJECT_STORE = 80_000_000
#: A longer path would make a socket's name too long for the system.
_LONGEST_FOLDER = 44


class RayHead:
    """The head of one job, by its folder. ``submission`` is the job's name."""

    def __init__(self, submission: str) -> None:
        self.submission = submission
        self.folder = _base() / hashlib.sha256(submission.encode()).hexdigest()[:10]

    def start(self, program: str) -> None:
        """Start it, and return when it answers; one that is there already is used.

        Raises :class:`EnvironmentProblem` for a head that does not come up, with its last words.
        """
        _make_base()
        with filelock.FileLock(str(self.folder) + ".lock"):
            if not self.kept():
                # Of one whose keeper was killed.
                end_marked(str(self.folder))
                shutil.rmtree(self.folder, ignore_errors=True)
                self.folder.mkdir(mode=0o700)
                (self.folder / "auth_token").touch(mode=0o600)
                (self.folder / "auth_token").write_text(secrets.token_hex(32))
                words = [sys.executable, "-m", "runner.engines.ray_head", self.submission, program]
                with (self.folder / "keeper.log").open("wb") as log:
                    keeper = subprocess.Popen(
                        words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                    )
                while not (self.folder / "head.json").exists():
                    if keeper.poll() is not None:
                        raise EnvironmentProblem(
                            "a Ray head does not start on this machine",
                            where="/run/engine/options/address",
                            hint=self._told(),
                        )
                    time.sleep(0.05)

    def wait_until_over(self) -> None:
        """Return when its keeper is gone, and the head with it."""
        with filelock.FileLock(self.folder / "keeper.lock", timeout=START_PATIENCE):
            pass

    def kept(self) -> bool:
        """Whether its keeper lives."""
        try:
            with filelock.FileLock(self.folder / "keeper.lock", blocking=False):
                return False
        except filelock.Timeout:
            return True
        except OSError:
            return False

    def cluster(self) -> RayCluster | None:
        """The head as a cluster, None where there is none."""
        try:
            address = read_json(self.folder / "head.json")["address"]
            return RayCluster(address, (self.folder / "auth_token").read_text())
        except (OSError, KeyError, TypeError):
            return None

    def end(self) -> dict[str, Any] | None:
        """How its job ended: what the cluster said last, with the output as ``words``. None before that."""
        file = self.folder / "end.json"
        return read_json(file) if file.exists() else None

    def _told(self) -> str:
        for name in ("keeper.log", "head.log"):
            with contextlib.suppress(OSError):
                lines = (self.folder / name).read_text(errors="replace").strip().splitlines()
                if lines:
                    return lines[-1][:300]
        return "it says nothing"


def arguments(program: str, port: int, folder: Path) -> list[str]:
    """The command of a head that this machine alone reaches without its token, word by word."""
    return [
        program, "start", "--head", "--disable-usage-stats", "--port=0", "--node-ip-address=127.0.0.1",
        "--dashboard-host=127.0.0.1", f"--dashboard-port={port}", "--dashboard-agent-listen-port=0",
        "--min-worker-port=0", "--max-worker-port=0", f"--object-store-memory={_OBJECT_STORE}",
        "--include-log-monitor=False", f"--temp-dir={folder}",
    ]  # fmt: skip


def _keep(head: RayHead, program: str) -> None:
    """Start the head, watch its job, end the head."""
    with filelock.FileLock(head.folder / "keeper.lock", blocking=False), _started(head, program) as alive:
        cluster = head.cluster()
        assert cluster is not None  # _started wrote it
        last: dict[str, Any] | None = None
        patience = time.monotonic() + SUBMIT_PATIENCE
        while alive() and (last is not None or time.monotonic() < patience):
            with contextlib.suppress(EnvironmentProblem, Refused):
                last = cluster.job(head.submission) or last
            if last is not None and last.get("status") in ("SUCCEEDED", "FAILED", "STOPPED"):
                break
            time.sleep(LOOK_EVERY)
        words = ""
        if last is not None:
            with contextlib.suppress(EnvironmentProblem, Refused):
                words = cluster.log(head.submission)[-WORDS:]
        write_json(head.folder / "end.json", (last or {"status": None}) | {"words": words})


@contextlib.contextmanager
def _started(head: RayHead, program: str) -> Iterator[Callable[[], bool]]:
    """A head that answers, and whether it lives. It is ended however this is left."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name != TOKEN}
    environment |= {"RAY_AUTH_MODE": "token", TOKEN_FILE: str(head.folder / "auth_token"), MARK: str(head.folder)}
    # The command `runner` that a job begins with is that of this environment.
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
    words = arguments(program, port, head.folder / "t")
    try:
        # It starts the parts of a head and returns. What waits for them (`--block`) would end all of them with one.
        start_parts(words, environment, head.folder, str(head.folder))
        core = [each for each in marked(str(head.folder)) if each.name().startswith("gcs_server")]
        cluster = RayCluster(f"http://127.0.0.1:{port}", (head.folder / "auth_token").read_text())
        end = time.monotonic() + START_PATIENCE
        while not _answers(cluster):
            if time.monotonic() > end:
                raise SystemExit(1)
            time.sleep(0.2)
        write_json(head.folder / "head.json", {"address": cluster.address})
        yield lambda: any(each.is_running() for each in core)
    finally:
        end_marked(str(head.folder))
        shutil.rmtree(head.folder / "t", ignore_errors=True)


def _answers(cluster: RayCluster) -> bool:
    try:
        return bool(cluster.version())
    except EnvironmentProblem:
        return False


def start_parts(words: list[str], environment: Mapping[str, str], folder: Path, mark: str) -> None:
    """Run ``ray start`` and return when it has started a node; its output goes to ``head.log`` in the folder.

    Ray gives a part of the node 30 seconds to appear, too few on a machine with much else to do: it is tried again.
    Raises :class:`EnvironmentProblem` with its last words.
    """
    for left in reversed(range(STARTS)):
        with (folder / "head.log").open("wb") as log:
            began = subprocess.run(
                words, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False
            )
        if began.returncode == 0:
            return
        end_marked(mark)
        lines = (folder / "head.log").read_text(errors="replace").strip().splitlines()
        # What is wrong with the command itself stays so.
        if not left or began.returncode == 2:
            raise EnvironmentProblem("ray start fails", where=words[0], hint=lines[-1][:300] if lines else None)


def marked(mark: str) -> list[psutil.Process]:
    """The processes that were started with this value of ``RUNNER_RAY_NODE``."""
    found = []
    for each in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if each.environ().get(MARK) == mark:
                found.append(each)
    return found


def end_marked(mark: str) -> None:
    """End the processes of a node, with all that they started; what does not go in time is killed."""
    family = set(marked(mark))
    for each in list(family):
        # One that names itself anew has its environment overwritten: it is found by its parent.
        with contextlib.suppress(psutil.Error):
            family |= set(each.children(recursive=True))
    for each in family:
        with contextlib.suppress(psutil.Error):
            each.terminate()
    _, left = psutil.wait_procs(family, timeout=10)
    for each in left:
        with contextlib.suppress(psutil.Error):
            each.kill()
    psutil.wait_procs(left, timeout=5)


def _base() -> Path:
    return Path(tempfile.gettempdir()) / f"runner-ray-{os.getuid()}"


def _make_base() -> None:
    """The folder of this user's heads. Raises :class:`EnvironmentProblem` where another user made it, and where it is
    too deep for Ray."""
    base = _base()
    base.mkdir(mode=0o700, exist_ok=True)
    found = base.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077 or base.is_symlink():
        raise EnvironmentProblem(
            "this folder is not this user's alone, and Ray's token would be in it", where=str(base), hint="remove it"
        )
    if len(str(base)) + 11 > _LONGEST_FOLDER:
        raise EnvironmentProblem(
            "the folder for temporary files is too deep: Ray names sockets in it", where=str(base), hint="set TMPDIR"
        )


def _main(submission: str, program: str) -> None:
    def stopped(*_: object) -> NoReturn:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stopped)
    try:
        _keep(RayHead(submission), program)
    except EnvironmentProblem as problem:
        raise SystemExit(f"{problem.message}: {problem.hint}") from None


if __name__ == "__main__":
    _main(*sys.argv[1:])
