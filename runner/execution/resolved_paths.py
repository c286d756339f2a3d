"""A spec whose paths mean the same everywhere: in a container with another home, in a run that is resumed elsewhere."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from runner.contract import names_file, names_pretrained
from runner.errors import NotFoundError
from runner.spec.envelope import TrainingSpec
from runner.training.pretrained import place_of
from runner.workspace import absolute


def resolve_paths(spec: TrainingSpec, cwd: Path) -> TrainingSpec:
    """The spec with its files and local model folders absolute, counted from ``cwd``; names of the Hub stay names.

    Raises :class:`NotFoundError` for a ``~user`` who is not there.
    """
    data = spec.data.resolved(cwd)  # type: ignore[union-attr]
    # A stored model with its version looks like a path.
    stored = frozenset(spec.model.spec.stored_models().values() if spec.model.spec else ())
    own = spec.model.spec and _with_places(spec.model.spec, cwd, stored)
    if data is spec.data and own is spec.model.spec:
        return spec
    return spec.model_copy(update={"data": data, "model": spec.model.model_copy(update={"spec": own})})


def check_folder(cwd: Path, run: str) -> None:
    """Raise :class:`NotFoundError` where the folder that a run was started in, and its paths count from, is gone."""
    if not cwd.is_dir():
        raise NotFoundError(
            f"the run was started in {cwd}, which is not there any more: its relative paths count from that folder",
            where=run,
            hint=f"move it back, or put a link in its place: ln -s NEW_FOLDER {cwd}",
        )


def _with_places(section: Any, cwd: Path, stored: frozenset[str]) -> Any:
    """A section with the local folders of pretrained models, and the files, that it names at any depth absolute.
    Names of ``stored`` models stay names.

    A section that has a file and a ``sha256`` without a value gets the checksum that the file has now.
    """
    changes: dict[str, Any] = {}
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            new: Any = _with_places(value, cwd, stored)
        elif isinstance(value, dict):
            new = {
                key: _with_places(each, cwd, stored) if isinstance(each, BaseModel) else each
                for key, each in value.items()
            }
        elif isinstance(value, list):
            new = [str(absolute(each, cwd)) if names_file(type(section), name, each) else each for each in value]
        elif names_pretrained(type(section), name):
            new = value if value in stored else place_of(value, cwd)
        elif names_file(type(section), name, value):
            new = str(absolute(value, cwd))
            if getattr(section, "sha256", "") is None and Path(new).is_file():
                changes["sha256"] = hashlib.sha256(Path(new).read_bytes()).hexdigest()
        else:
            continue
        if new != value:
            changes[name] = new
    return section.model_copy(update=changes) if changes else section
