"""The image that runs execute in: its name, finding it, and telling whether it holds the code that is here."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import runner
from runner.errors import EnvironmentProblem
from runner.execution import docker_engine as engines
from runner.execution.docker_engine import Engine

Variant = Literal["cuda", "cpu"]

#: Labels of an image that was built here.
VERSION, VARIANT, SOURCE = "runner.version", "runner.variant", "runner.source"
#: The Dockerfile and the lock: the checkout's `docker/`, carried inside the package when it is installed.
FILES = Path(__file__).with_name("image_files")


@dataclass(frozen=True)
class Image:
    """An image that exists."""

    name: str
    #: ``sha256:...``: what identifies its content, whatever the name comes to mean.
    digest: str
    variant: str | None
    version: str | None
    source: str | None
    size: int
    created: str

    @property
    def stale(self) -> bool:
        """Whether it was built from other code than is running here. Unknown for an image that is not ours."""
        return self.source is not None and self.source != source_hash()


def tag(variant: str) -> str:
    """The name that :func:`runner.execution.image_build.build` gives: ``runner:0.1.0-cuda``."""
    return f"runner:{runner.__version__}-{variant}"


def package_files() -> Iterator[tuple[str, Path]]:
    """The installed package's files as (``runner/...``, path), sorted: what an image has to hold to run the same."""
    root = Path(runner.__file__).parent
    found = []
    for folder, names, files in os.walk(root):
        names[:] = [name for name in names if name != "__pycache__"]
        found += [Path(folder) / file for file in files if not file.endswith((".pyc", ".pyo"))]
    # Symlinked folders are not walked into: the image needs no Dockerfile inside it.
    return iter(sorted((f"runner/{path.relative_to(root).as_posix()}", path) for path in found))


@cache
def source_hash() -> str:
    """A short hash of the code, the Dockerfile and the lock, equal in a checkout and an installed copy."""
    digest = hashlib.sha256()
    recipe = [(name, FILES / name) for name in ("Dockerfile", "requirements.lock")]
    for name, path in [*package_files(), *recipe]:
        if path.is_file():
            digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def find(name: str | None = None, engine: Engine | None = None) -> Image:
    """The image called ``name``, or the one to use when no name is given: ``RUNNER_IMAGE``, else this version's CUDA
    image where the engine has GPUs, else its CPU image, and the CUDA one if that is the one there is.

    Raises :class:`EnvironmentProblem`: no engine, no image (and how to make it).
    """
    from docker.errors import APIError, ImageNotFound

    engine = engine or engines.connect()
    name = name or os.environ.get("RUNNER_IMAGE")
    wanted = [name] if name else [tag("cuda"), tag("cpu")] if engine.gpus else [tag("cpu"), tag("cuda")]
    for one in wanted:
        try:
            return _facts(one, engine.client.images.get(one).attrs)
        except ImageNotFound:
            continue
        except APIError as error:
            raise EnvironmentProblem(f"the image {one!r} cannot be used: {engines.first_line(error)}") from error
        except Exception as error:
            raise engines.unreachable(error) from error
    if name and name.startswith("sha256:"):
        raise EnvironmentProblem(
            f"the image {name[:19]} is not on this machine", where="/run/image", hint="name another"
        )
    if name and not name.startswith("runner:"):
        raise engines.no_image(name, build=f"docker pull {name}, or build it; `runner image list` shows what there is")
    variant = "cpu" if wanted[0].endswith("-cpu") else "cuda"
    raise engines.no_image(wanted[0], f"runner image build --variant {variant}")


def existing(engine: Engine | None = None) -> list[Image]:
    """The images that were built by this program, newest first."""
    engine = engine or engines.connect()
    images = engine.client.images.list(filters={"label": VERSION})
    found = [_facts(name, image.attrs) for image in images for name in image.tags]
    return sorted(found, key=lambda image: image.created, reverse=True)


def stale_note(image: Image) -> str | None:
    """What to tell a user whose image is behind the code, or None."""
    if not image.stale:
        return None
    variant = f" --variant {image.variant}" if image.variant else ""
    held = f"holds Runner {image.version}, and this is {runner.__version__}"
    why = held if image.version not in (None, runner.__version__) else "was built from other code than is here"
    return f"the image {image.name} {why}: what runs is the image's; rebuild it: runner image build{variant}"


def _facts(name: str, attributes: dict[str, Any]) -> Image:
    labels = (attributes.get("Config") or {}).get("Labels") or {}
    return Image(
        name=name,
        digest=attributes["Id"],
        variant=labels.get(VARIANT),
        version=labels.get(VERSION),
        source=labels.get(SOURCE),
        size=int(attributes.get("Size") or 0),
        created=str(attributes.get("Created") or ""),
    )
