"""A step from words to its output: a path or the name of prepared data in, a folder or a stored data set out."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from runner import near_names
from runner.contract import Section
from runner.errors import Fault, SpecError, UsageError
from runner.pipeline.steps import Inputs, Step, step
from runner.pipeline.steps.carrying_out import ASIDE, Outcome, carry_out
from runner.pipeline.steps.part_names import parts_of
from runner.store import prepared_data
from runner.store.files import cannot_write
from runner.store.prepared_data import PreparedData
from runner.workspace import Workspace


@dataclass(frozen=True)
class Prepared:
    """What a step made, and where it is stored if it is."""

    outcome: Outcome
    stored: PreparedData | None = None
    #: Whether it became a new version; it does not where the newest is the same.
    new: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The document of ``--json``."""
        found = self.outcome.as_dict()
        if self.stored is not None:
            found |= {"stored_as": self.stored.reference, "new_version": self.new, "out": str(self.stored.path)}
        return found


def prepare(
    name: str,
    path: str | Path,
    options: Mapping[str, Any],
    out: Path | None,
    workspace: Workspace,
    *,
    store_as: str | None = None,
    force: bool = False,
) -> Prepared:
    """Carry a step out, and store what it made as ``dataset/STORE_AS`` if that is asked for.

    ``path`` may be ``dataset/NAME``. Without ``out`` what is made is only stored. Raises what :func:`carry_out` does,
    :class:`SpecError` for options that the step does not have, :class:`UsageError` where the output has no place.
    """
    chosen = step(name)
    section = options_of(chosen, options)
    if store_as is not None:
        prepared_data.check_name(store_as)
    inputs = inputs_of(path, workspace)
    if out is not None:
        outcome = carry_out(chosen, inputs, section, out, force=force)
        return _stored(outcome, out, store_as, workspace)
    if store_as is None:
        raise UsageError("where is the output to go?", hint="name a folder after the path, or --store-as NAME")
    home = workspace.store / prepared_data.FAMILY
    try:
        home.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{store_as}.{os.getpid()}.", suffix=ASIDE, dir=home))
    except OSError as error:
        raise cannot_write(home, error) from error
    try:
        outcome = carry_out(chosen, inputs, section, aside / "made", force=force)
        return _stored(outcome, aside / "made", store_as, workspace)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _stored(outcome: Outcome, folder: Path, name: str | None, workspace: Workspace) -> Prepared:
    if name is None:
        return Prepared(outcome)
    made = prepared_data.in_folder(folder)
    assert made is not None
    stored, new = prepared_data.keep(workspace.store, name, made)
    return Prepared(outcome, stored, new)


def inputs_of(path: str | Path, workspace: Workspace) -> Inputs:
    """The parts of a path, or of the prepared data that it names. Raises :class:`~runner.errors.NotFoundError`."""
    named = prepared_data.named(workspace.store, str(path))
    if named is not None:
        named.verify()
        return dict(named.parts)
    return parts_of(path)


def options_of(chosen: Step, options: Mapping[str, Any]) -> Section:
    """The options of a step. Raises :class:`SpecError` with every fault: its field, and the name that was meant."""
    kind = chosen.options
    try:
        return kind.model_validate(dict(options))
    except ValidationError as error:
        faults = []
        for each in error.errors(include_url=False, include_input=False):
            pointer = "/" + "/".join(map(str, each["loc"]))
            hint = None
            if each["type"] == "extra_forbidden":
                known = list(kind.model_fields)
                hint = near_names.hint(str(each["loc"][-1]), known, f"there are: {', '.join(known) or 'none'}")
            faults.append(Fault(each["msg"], pointer, hint=hint))
        raise SpecError(faults, source=f"the options of {chosen.name}") from None
