"""The Docker Engine: reaching it, what it can do, and what its errors mean."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from runner.errors import EnvironmentProblem

#: How long the engine may take to answer one call, seconds. A call that starts a container may wait for a slow disk.
TIMEOUT = 60


@dataclass(frozen=True)
class Engine:
    """An engine that answered, and what matters of what it said about itself."""

    client: Any
    #: Containers' user ids are ours shifted, so that only root in a container is us outside.
    rootless: bool
    #: Containers' user ids are shifted unless a container asks for the host's.
    remapped: bool
    selinux: bool
    gpus: bool
    #: Bytes.
    memory: int


def connect() -> Engine:
    """The engine that ``DOCKER_HOST`` or the docker command's current context names.

    Raises :class:`EnvironmentProblem` when there is none, when it may not be used, and when it is on another machine.
    """
    address = _address()
    try:
        from docker.client import DockerClient

        client = DockerClient.from_env(timeout=TIMEOUT)
        information = client.info()
    except Exception as error:
        raise unreachable(error, address) from error
    security = " ".join(information.get("SecurityOptions") or [])
    return Engine(
        client=client,
        rootless="name=rootless" in security,
        remapped="name=userns" in security,
        selinux="name=selinux" in security,
        gpus=_has_gpus(information),
        memory=int(information.get("MemTotal") or 0),
    )


def _address() -> str:
    """Where the engine is, as a user would write it; refuses one that cannot see this machine's folders."""
    address = os.environ.get("DOCKER_HOST") or "the Docker Engine"
    host = urlsplit(address).hostname if "://" in address else None
    if address.startswith(("tcp://", "ssh://", "http://", "https://")) and host not in (
        "localhost", "127.0.0.1", "::1",
    ):  # fmt: skip
        raise EnvironmentProblem(
            f"the Docker Engine at {host} is on another machine and cannot see this one's folders",
            where="DOCKER_HOST",
            hint="run there, or unset DOCKER_HOST to use the engine here",
        )
    return address


def _has_gpus(information: dict[str, Any]) -> bool:
    """Whether device requests for GPUs can be met: a runtime, a CDI device, or the hook that the engine looks for."""
    if "nvidia" in (information.get("Runtimes") or {}):
        return True
    devices = information.get("DiscoveredDevices") or []
    if any(str(device.get("ID", "")).startswith("nvidia.com/gpu") for device in devices):
        return True
    return shutil.which("nvidia-container-runtime-hook") is not None


def _causes(error: BaseException | None) -> list[BaseException]:
    """An exception, those it was raised from, and those it carries as arguments: the SDK wraps three deep."""
    found: list[BaseException] = []
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if one is None or one in found:
            continue
        found.append(one)
        waiting += [one.__cause__, one.__context__]
        waiting += [part for part in one.args if isinstance(part, BaseException)]
    return found


def unreachable(error: Exception, address: str = "the Docker Engine") -> EnvironmentProblem:
    """Why no engine answered, with the way out."""
    causes = _causes(error)
    for cause in causes:
        if isinstance(cause, EnvironmentProblem):
            return cause
    where = None if address == "the Docker Engine" else address
    if any(isinstance(cause, PermissionError) for cause in causes):
        return EnvironmentProblem(
            "a Docker Engine is there, but this user may not use its socket",
            where=where,
            hint="sudo usermod -aG docker $USER, then log in again; or --executor local",
        )
    if any(isinstance(cause, ImportError) for cause in causes):
        return EnvironmentProblem("the package docker is not installed here", hint="pip install runner")
    gone = (FileNotFoundError, ConnectionError, TimeoutError)
    reason = next((type(cause).__name__ for cause in causes if isinstance(cause, gone)), None)
    return EnvironmentProblem(
        "no Docker Engine answers" if reason else f"the Docker Engine cannot be used: {first_line(error)}",
        where=where,
        hint="start one (Debian: apt-get install docker.io), or --executor local",
    )


def is_gone(error: Exception) -> bool:
    """Whether an error means that the engine did not answer, rather than that it answered no."""
    from docker.errors import APIError

    if any(isinstance(cause, APIError) for cause in _causes(error)):
        return False
    return any(isinstance(cause, OSError) for cause in _causes(error))


def refused(error: Exception, image: str) -> EnvironmentProblem:
    """What it means that the engine would not create or start a container."""
    text = first_line(error)
    if "could not select device driver" in text or "nvidia-container" in text:
        return no_gpu("the engine could not hand a GPU to the container")
    if "No such image" in text:
        return no_image(image)
    if "no space left on device" in text:
        return EnvironmentProblem(
            "the Docker Engine has no space left", hint="docker system df shows what takes it; docker system prune"
        )
    if is_gone(error):
        return unreachable(error)
    return EnvironmentProblem(f"the Docker Engine refused the container: {text}")


def no_gpu(message: str) -> EnvironmentProblem:
    return EnvironmentProblem(
        message,
        where="/run/gpus",
        hint='install the NVIDIA Container Toolkit and restart the engine, or set "gpus": 0 to train on the CPU',
    )


def no_image(name: str, build: str = "runner image build") -> EnvironmentProblem:
    return EnvironmentProblem(f"there is no image {name}", where="/run/image", hint=f"make it: {build}")


def first_line(error: BaseException) -> str:
    """The engine's own words, without the SDK's wrapping."""
    words = getattr(error, "explanation", None) or str(error)
    return (str(words).strip().splitlines() or [type(error).__name__])[0][:400]
