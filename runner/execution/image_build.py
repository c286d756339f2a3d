"""Building the image: the build context, the classic builder through the SDK, and what its failures mean."""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import runner
from runner.errors import EnvironmentProblem, UsageError
from runner.execution import docker_engine as engines
from runner.execution import image_lookup as images
from runner.execution.docker_engine import Engine
from runner.execution.image_lookup import Image, Variant

TORCH = "2.13.0"
BASE = "debian:bookworm-slim"


def build(
    variant: Variant = "cuda",
    *,
    wheelhouse: Path | None = None,
    ca_bundle: Path | None = None,
    torch_index: str | None = None,
    base_image: str = BASE,
    tag: str | None = None,
    on_line: Callable[[str], None] = lambda line: None,
    engine: Engine | None = None,
) -> Image:
    """Build the image from the code that is running here, and return it.

    ``wheelhouse`` is a folder of wheels and ``torch_index`` an index to look in beside pip's default;
    ``ca_bundle`` a PEM file that pip trusts during the build. None of the three is in the image. ``on_line`` gets
    the builder's output. Raises :class:`EnvironmentProblem` (no engine, a step that failed) and :class:`UsageError`.
    """
    engine = engine or engines.connect()
    tag = tag or images.tag(variant)
    torch = torch_requirement(variant, wheelhouse, torch_index)
    if variant == "cpu" and "+cpu" not in torch:
        on_line(
            "no --torch-index or --wheelhouse has the CPU build of torch: taking the default one, "
            "which works on a CPU and is several GB larger"
        )
    labels = {images.VERSION: runner.__version__, images.VARIANT: variant, images.SOURCE: images.source_hash()}
    with context(variant, wheelhouse, ca_bundle, torch_index) as archive:
        _run_build(
            engine,
            on_line,
            fileobj=archive,
            custom_context=True,
            tag=tag,
            labels=labels,
            buildargs={"BASE_IMAGE": base_image, "VARIANT": variant, "TORCH": torch},
            rm=True,
            forcerm=True,
            decode=True,
            use_config_proxy=True,
        )
    return images.find(tag, engine)


def torch_requirement(variant: str, wheelhouse: Path | None, torch_index: str | None) -> str:
    """What to ask pip for. The CPU build is named outright where it can come from somewhere, so that a wheelhouse
    or an index that lacks it fails instead of handing over gigabytes of CUDA."""
    wheels = _wheels(wheelhouse, variant)
    if variant == "cpu" and (torch_index or any(_is_cpu_torch(wheel) for wheel in wheels)):
        return f"torch=={TORCH}+cpu"
    return f"torch=={TORCH}"


@contextmanager
def context(
    variant: str, wheelhouse: Path | None, ca_bundle: Path | None, torch_index: str | None
) -> Iterator[IO[bytes]]:
    """The build context as an open tar file. Large wheels go in once, from where they are."""
    settings = ["[global]"]
    with (
        tempfile.TemporaryFile(prefix="runner-context-") as archive,
        tarfile.open(fileobj=archive, mode="w", dereference=True) as tar,
    ):
        for name in ("Dockerfile", "requirements.lock"):
            _add(tar, name, (images.FILES / name).read_bytes())
        wheel_name, wheel = project_wheel()
        _add(tar, f"project/{wheel_name}", wheel)
        if ca_bundle is not None:
            _add(tar, "pip/ca.crt", _certificates(ca_bundle))
            settings.append("cert = /pip/ca.crt")
        wheels = _wheels(wheelhouse, variant)
        if wheels:
            for path in wheels:
                tar.add(path, f"pip/wheels/{path.name}", recursive=False, filter=_anonymous)
            settings.append("find-links = /pip/wheels")
        if torch_index:
            # In a file, not a build argument: an address may hold a password, and arguments stay in the history.
            settings.append(f"extra-index-url = {_one_line(torch_index)}")
        _add(tar, "pip/pip.conf", ("\n".join(settings) + "\n").encode())
        tar.close()
        archive.seek(0)
        yield archive


def project_wheel() -> tuple[str, bytes]:
    """The running package as a wheel: its name and its bytes, which depend on nothing but the files.

    Packed here rather than by a build backend, so that a checkout and an installed copy go the same way and
    neither needs a tool, a network, or a folder to leave things in.
    """
    here = _distribution()
    name = f"runner-{runner.__version__}"
    records = []
    buffer = io.BytesIO()
    files: list[tuple[str, bytes]] = [(where, path.read_bytes()) for where, path in images.package_files()]
    files += [
        (f"{name}.dist-info/METADATA", here["METADATA"]),
        (f"{name}.dist-info/WHEEL", b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
        (f"{name}.dist-info/entry_points.txt", here["entry_points.txt"]),
    ]
    with ZipFile(buffer, "w", ZIP_DEFLATED) as wheel:
        for where, content in files:
            wheel.writestr(_entry(where), content)
            records.append(f"{where},,")
        records.append(f"{name}.dist-info/RECORD,,")
        wheel.writestr(_entry(f"{name}.dist-info/RECORD"), "\n".join(records) + "\n")
    return f"{name}-py3-none-any.whl", buffer.getvalue()


def _distribution() -> dict[str, bytes]:
    """METADATA and entry_points.txt of the installed distribution."""
    try:
        installed = distribution("runner")
    except PackageNotFoundError:
        raise EnvironmentProblem("runner is not installed, only importable", hint="pip install -e .") from None
    metadata = installed.read_text("METADATA") or installed.read_text("PKG-INFO") or ""
    return {"METADATA": metadata.encode(), "entry_points.txt": (installed.read_text("entry_points.txt") or "").encode()}


def _entry(where: str) -> ZipInfo:
    entry = ZipInfo(where, date_time=(2020, 1, 1, 0, 0, 0))
    entry.external_attr = 0o644 << 16
    entry.compress_type = ZIP_DEFLATED
    return entry


def _wheels(wheelhouse: Path | None, variant: str) -> list[Path]:
    """The wheels to send. The CPU build of torch stays out of a CUDA build: pip would prefer it."""
    if wheelhouse is None:
        return []
    if not wheelhouse.is_dir():
        raise UsageError(f"--wheelhouse {wheelhouse} is not a folder")
    wheels = sorted(wheelhouse.glob("*.whl"))
    if not wheels:
        raise UsageError(f"--wheelhouse {wheelhouse} holds no wheels")
    return [wheel for wheel in wheels if variant == "cpu" or not _is_cpu_torch(wheel)]


def _is_cpu_torch(wheel: Path) -> bool:
    return wheel.name.startswith(f"torch-{TORCH}+cpu-")


def _certificates(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"--ca-bundle {path}: {error.strerror}") from error
    if b"BEGIN CERTIFICATE" not in content:
        raise UsageError(f"--ca-bundle {path} holds no PEM certificate")
    return content


def _one_line(text: str) -> str:
    if any(character.isspace() for character in text):
        raise UsageError("--torch-index is not an address")
    # `%` begins an interpolation in pip's configuration.
    return text.replace("%", "%%")


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(_anonymous(entry), io.BytesIO(content))


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Owner and mode as they are in the image: the builder's cache must not depend on who builds."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o644
    return entry


def _run_build(engine: Engine, on_line: Callable[[str], None], **arguments: Any) -> None:
    last: list[str] = []
    try:
        for message in engine.client.api.build(**arguments):
            if "error" in message:
                raise _failed(str(message["error"]), last)
            for line in str(message.get("stream") or message.get("status") or "").splitlines():
                if line.strip():
                    last = [*last[-40:], line]
                    on_line(line)
    except EnvironmentProblem:
        raise
    except Exception as error:
        if engines.is_gone(error):
            raise engines.unreachable(error) from error
        raise _failed(engines.first_line(error), last) from error


def _failed(message: str, last: list[str]) -> EnvironmentProblem:
    """The step's failure by its cause, where the output tells it."""
    # The step itself is no sign: it spells out what it would say.
    text = "\n".join([*(line for line in last if not line.startswith("Step ")), message])
    hints = {
        "CERTIFICATE_VERIFY_FAILED": "this network needs its own CA: --ca-bundle FILE",
        "no space left on device": "the engine's disk is full: docker system prune",
        f"for torch=={TORCH}+cpu": "the index or folder has no CPU build of torch for this platform and Python",
        "the cuda variant got a torch without CUDA": "leave out --wheelhouse, or build --variant cpu",
        "is the oldest that works": "--base IMAGE with Python 3.11 or newer, or with apt to install it",
        "pull access denied": "the base image is not here and cannot be pulled: --base IMAGE",
        "manifest unknown": "the base image is not here and cannot be pulled: --base IMAGE",
        "Client.Timeout": "the base image is not here and the engine reaches no registry: --base IMAGE",
        "dial tcp": "the base image is not here and the engine reaches no registry: --base IMAGE",
        "Temporary failure in name resolution": "the build has no network",
        "Could not find a version": "the lock asks for a version that pip does not find in the build",
    }
    hint = next((hint for sign, hint in hints.items() if sign in text), "the lines above say which step failed")
    wrong = next((line for line in reversed(last) if "ERROR" in line or "rror:" in line), None)
    detail = f"{message} ({wrong.strip()})" if wrong and wrong.strip() not in message else message
    return EnvironmentProblem(f"the image was not built: {detail[:600]}", hint=hint)
