"""``runner image build`` and ``runner image list``"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from runner.cli.output import say, show, table
from runner.cli.parameters import Json
from runner.errors import EnvironmentProblem

if TYPE_CHECKING:
    from runner.execution.image_lookup import Image


def build(
    *,
    variant: Annotated[
        Literal["cuda", "cpu", "auto"],
        Parameter(
            help="The build of torch; auto: what the engine's GPUs call for. The default index has the CUDA one."
        ),
    ] = "cuda",
    wheelhouse: Annotated[
        Path | None, Parameter(help="A folder of wheels to install from, before any index. [env: RUNNER_WHEELHOUSE]")
    ] = None,
    ca_bundle: Annotated[
        Path | None,
        Parameter(help="A PEM file that pip trusts during the build; not in the image. [env: RUNNER_CA_BUNDLE]"),
    ] = None,
    torch_index: Annotated[str | None, Parameter(help="An index that has this variant of torch.")] = None,
    base: Annotated[str | None, Parameter(help="The image to build on. [default: debian:bookworm-slim]")] = None,
    tag: Annotated[str | None, Parameter(help="The image's name. [default: runner:VERSION-VARIANT]")] = None,
    if_missing: Annotated[
        bool, Parameter(negative="", help="Do nothing if the image is there and holds this code.")
    ] = False,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="", help="Print no build output.")] = False,
    json: Json = False,
) -> int:
    """Build the image that runs execute in, from the code that is installed here.

    Example: runner image build --variant cpu --wheelhouse wheels

    A change of code alone rebuilds in seconds: the dependencies stay in the builder's cache.
    """
    from runner.execution import docker_engine as engines
    from runner.execution import image_build
    from runner.execution import image_lookup as images

    if variant == "auto":
        variant = "cuda" if engines.connect().gpus else "cpu"
    wheelhouse = wheelhouse or _folder("RUNNER_WHEELHOUSE")
    ca_bundle = ca_bundle or _folder("RUNNER_CA_BUNDLE")
    name = tag or images.tag(variant)
    image = _current(name) if if_missing else None
    built = image is None
    if image is None:
        image = image_build.build(
            variant,
            wheelhouse=wheelhouse,
            ca_bundle=ca_bundle,
            torch_index=torch_index,
            base_image=base or image_build.BASE,
            tag=name,
            on_line=(lambda line: None) if quiet else say,
        )
    document = vars(image) | {"built": built}
    size = f"{image.size / 1e9:.2f} GB"
    done = "built" if built else "is there and holds this code:"
    show(document, f"{done} {image.name} ({image.digest[7:19]}, {size})", as_json=json, kept=f"{done} {image.name}")
    return 0


def list_images(*, json: Json = False) -> int:
    """List the images that were built here, and whether each holds the code that is installed.

    Example: runner image list
    """
    from runner.execution import image_lookup as images

    found = images.existing()
    rows = [
        (
            image.name,
            image.digest[7:19],
            image.variant,
            f"{image.size / 1e9:.2f} GB",
            image.created[:16].replace("T", " "),
            f"other code: runner image build --variant {image.variant}" if image.stale else "current",
        )
        for image in found
    ]

    def human() -> str:
        if not rows:
            return "no image yet: runner image build"
        return table(("image", "digest", "variant", "size", "built", "code"), rows, right=(3,))

    show([vars(image) | {"stale": image.stale} for image in found], human, as_json=json)
    return 0


def _current(name: str) -> Image | None:
    """The image called ``name``, if it is there and not behind the code."""
    from runner.execution import docker_engine as engines
    from runner.execution import image_lookup as images

    engine = engines.connect()
    try:
        found = images.find(name, engine)
    except EnvironmentProblem:
        return None
    return None if found.stale else found


def _folder(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(value) if value else None
