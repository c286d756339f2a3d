"""``runner models export``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from runner.cli.output import show
from runner.cli.parameters import Json
from runner.errors import UsageError
from runner.workspace import Workspace, absolute, current_folder


def export(
    model: str,
    destination: Path,
    *,
    format_: Annotated[Literal["folder", "tar", "gguf"] | None, Parameter(name="--format")] = None,
    json: Json = False,
) -> None:
    """Write a stored model as a folder, or one file, that works alone: `runner infer --model ./FOLDER`.

    Its manifest goes with it: the spec, the data's fingerprint, the packages, the run and the models it was made from.

    Example: runner models export elo_scoring/elo elo-router

    Parameters
    ----------
    model
        TYPE/NAME, the newest version, or TYPE/NAME/vN.
    destination
        The folder to make, or the .tar file. What is there already is left alone.
    format_
        Without it, tar for a destination that ends in .tar, else folder. GGUF is not written here: it is said what
        writes it from the folder.
    """
    from runner.inference.opening import find_model
    from runner.store.exporting import export as write

    workspace = Workspace.current()
    found = find_model(workspace, model)
    if format_ == "gguf" or (format_ is None and destination.suffix == ".gguf"):
        raise UsageError(
            "GGUF is not written here: llama.cpp's converter is in no package that its makers keep",
            where="--format" if format_ else str(destination),
            hint=f"runner models export {model} FOLDER, then, of llama.cpp: python convert_hf_to_gguf.py FOLDER; an "
            f"adapter is made a whole model before: runner merge {model}",
        )
    form = format_ or ("tar" if destination.suffix == ".tar" else "folder")
    target = absolute(destination, current_folder())
    manifest = write(found, workspace.store, target, form, workspace.cache)
    document = {
        "model": found.reference,
        "path": str(target),
        "format": form,
        "bytes": manifest.bytes,
        "manifest_sha256": manifest.sha256,
    }
    place = f"{found.name}-v{found.version}" if form == "tar" else destination
    words = str(place) if str(place).startswith(("/", "./", "../")) else f"./{place}"
    use = (f"tar xf {destination}, then " if form == "tar" else "") + f"runner infer --model {words}"
    show(document, f"{target}\n  {use}", as_json=json, kept=f"{found.reference} is in {target}")
