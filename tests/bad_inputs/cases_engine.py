"""An engine that is not there, and limits: of time, memory, disk, permission."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner import __version__
from tests.bad_inputs.case import Bench, Case
from tests.bad_inputs.materials import battles, spec

TRAIN = ("train", "--spec-file", "spec.json")
IN_DOCKER = (*TRAIN, "--executor", "docker")
needs_engine = (pytest.mark.docker,)
#: What training takes at the very least, numpy loaded, is several times this.
LITTLE = "8m"


def trained(name: str, code: int, document: dict[str, Any], *says: str, **more: Any) -> Case:
    """A good spec, but for its limits, on good data."""
    spoil: Callable[[Bench], object] | None = more.pop("spoil", None)

    def prepare(bench: Bench) -> None:
        bench.write("data.jsonl", battles())
        bench.write("spec.json", document)
        if spoil:
            spoil(bench)

    return Case(name=name, code=code, says=says, prepare=prepare, **{"words": TRAIN} | more)


def limited(**limits: Any) -> dict[str, Any]:
    return spec(epochs=1_000_000, run={"executor": "local"} | limits)


def contained(**limits: Any) -> dict[str, Any]:
    image = f"runner:{__version__}-cpu"
    return spec(epochs=1_000_000, run={"executor": "docker", "image": image, "gpus": 0} | limits)


def dead_socket(bench: Bench) -> None:
    """A socket that an engine left when it died."""
    path = bench.home / "docker.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    bench.facts["socket"] = str(path)


def closed_socket(bench: Bench) -> None:
    """An engine's socket that others may use."""
    dead_socket(bench)
    bench.forbid(Path(bench.facts["socket"]), 0)


def answers_nonsense(bench: Bench) -> None:
    """Something else than an engine behind the socket."""
    import threading

    path = bench.home / "docker.sock"
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()
    bench.facts["socket"] = str(path)

    def answer() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            with client:
                client.recv(4096)
                client.sendall(b"220 mail.example.org ESMTP\r\n")

    threading.Thread(target=answer, daemon=True).start()

    def end() -> None:
        server.shutdown(socket.SHUT_RDWR)
        server.close()

    bench.undo.callback(end)


def closed(folder: str) -> Callable[[Bench], None]:
    def prepare(bench: Bench) -> None:
        (bench.home / folder).mkdir()
        bench.forbid(bench.home / folder, 0o555)

    return prepare


def file_for(folder: str) -> Callable[[Bench], None]:
    return lambda bench: bench.write(folder, "")


def small_disk(folder: str, size: int, inodes: int = 64) -> Callable[[Bench], None]:
    """A disk of ``size`` bytes and so many files where the folder is. Root alone can make one."""

    def prepare(bench: Bench) -> None:
        path = bench.home / folder
        path.mkdir()
        if os.geteuid() != 0:
            pytest.skip("only root can mount a small disk")
        words = ["mount", "-t", "tmpfs", "-o", f"size={size},nr_inodes={inodes}", "tmpfs", str(path)]
        mounted = subprocess.run(words, capture_output=True, text=True)
        if mounted.returncode:
            pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
        bench.undo.callback(subprocess.run, ["umount", "--lazy", str(path)], check=True)

    return prepare


def no_gpu_driver(bench: Bench) -> None:
    """A machine whose driver shows no GPU."""
    path = bench.write("bin/nvidia-smi", "#!/bin/sh\nexit 9\n")
    path.chmod(0o755)
    bench.facts["path"] = f"{path.parent}:{os.environ['PATH']}"


SOCKET = {"DOCKER_HOST": "unix://{socket}"}
CASES = [
    # No engine, or none that may be used.
    trained(
        "no engine",
        6,
        spec(),
        "unix:///nowhere/docker.sock: no Docker Engine answers",
        "--executor local",
        words=IN_DOCKER,
        environment={"DOCKER_HOST": "unix:///nowhere/docker.sock"},
    ),
    trained(
        "an engine that died",
        6,
        spec(),
        "{socket}: no Docker Engine answers",
        words=IN_DOCKER,
        environment=SOCKET,
        spoil=dead_socket,
    ),
    trained(
        "an engine that may not be used",
        6,
        spec(),
        "{socket}",
        "may not use its socket",
        "docker",
        words=IN_DOCKER,
        environment=SOCKET,
        spoil=closed_socket,
        unprivileged=True,
    ),
    trained(
        "something else than an engine",
        6,
        spec(),
        "{socket}",
        words=IN_DOCKER,
        environment=SOCKET,
        spoil=answers_nonsense,
    ),
    trained(
        "an engine on another machine",
        6,
        spec(),
        "DOCKER_HOST",
        "192.0.2.1",
        "another machine",
        words=IN_DOCKER,
        environment={"DOCKER_HOST": "tcp://192.0.2.1:2375"},
    ),
    trained(
        "an address that is none", 6, spec(), "nonsense", words=IN_DOCKER, environment={"DOCKER_HOST": "nonsense://x"}
    ),
    trained(
        "no engine to build an image",
        6,
        spec(),
        "no Docker Engine answers",
        words=("image", "list"),
        environment={"DOCKER_HOST": "unix:///nowhere/docker.sock"},
    ),
    trained(
        "no such image",
        6,
        spec(run={"executor": "docker", "image": "runner:no-such-tag"}),
        "/run/image",
        "there is no image runner:no-such-tag",
        marks=needs_engine,
    ),
    trained(
        "a GPU that the engine has not",
        6,
        contained(gpus=1),
        "/run/gpus",
        "asks for a GPU (gpus: 1)",
        '"gpus": 0',
        marks=needs_engine,
    ),
    trained(
        "a memory limit of a container",
        137,
        contained(memory=LITTLE),
        "/run/memory",
        "memory limit of 8 MiB",
        marks=needs_engine,
        leaves="failed",
    ),
    trained(
        "a time limit of a container",
        124,
        contained(time_limit=0.5),
        "/run/time_limit: the time limit of 0.5 s passed",
        "runner train --resume",
        marks=needs_engine,
        leaves="interrupted",
    ),
    trained(
        "no data file for a container",
        5,
        contained() | {"data": {"dataset": "none.jsonl"}},
        "/data/dataset: none.jsonl: there is no such data file",
        marks=needs_engine,
    ),
    trained(
        "a GPU that the machine has not",
        6,
        limited(gpus=1),
        "/run/gpus",
        "asks for 1 GPU",
        "this machine has 0",
        spoil=no_gpu_driver,
        environment={"PATH": "{path}"},
    ),
    trained("more GPUs than there are", 6, limited(gpus=64), "/run/gpus", "asks for 64 GPUs"),
    # Limits.
    trained(
        "a time limit",
        124,
        limited(time_limit=1.5),
        "/run/time_limit: the time limit of 1.5 s passed",
        "runner train --resume",
        leaves="interrupted",
    ),
    trained(
        "a time limit before anything began",
        124,
        limited(time_limit=0.01),
        "/run/time_limit",
        "0.01 s",
        "runner train --resume",
        leaves="interrupted",
    ),
    trained("a memory limit", 137, limited(memory=LITTLE), "/run/memory", "memory limit of 8 MiB", leaves="failed"),
    # Folders and disks.
    trained(
        "a folder for runs that is closed",
        6,
        spec(),
        "runs",
        "cannot write: permission denied",
        spoil=closed("runs"),
        unprivileged=True,
    ),
    trained("a file where runs go", 6, spec(), "runs", "cannot write", spoil=file_for("runs")),
    trained(
        "a folder for models that is closed",
        6,
        spec(),
        "models",
        "cannot write: permission denied",
        spoil=closed("models"),
        unprivileged=True,
    ),
    trained("a file where models go", 6, spec(), "models", "cannot write", spoil=file_for("models")),
    trained("a disk too full to begin on", 6, spec(), "runs", "the disk is full", spoil=small_disk("runs", 4096)),
    trained(
        "a disk too full to store any model on",
        6,
        spec(),
        "models",
        "the disk is full",
        spoil=small_disk("models", 8192),
    ),
    trained(
        "a disk too full to store this model on",
        6,
        spec(),
        "models",
        "the model is trained, and could not be stored: the disk is full",
        "RUNNER_STORE_DIR=FOLDER runner train --resume",
        spoil=small_disk("models", 2**20, inodes=4),
        leaves="failed",
    ),
]
