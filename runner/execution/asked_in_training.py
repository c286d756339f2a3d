"""The tasks that a training asks its model: read and checked before a run is made, with the files of their rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from runner.contract import ModelSpec
from runner.data.hub_files import is_hub_name
from runner.data.records.data_files import data_files
from runner.errors import SpecError
from runner.spec.checking import LoadedSpec
from runner.workspace import absolute


@dataclass(frozen=True)
class AskedInTraining:
    """What asking them takes."""

    #: The files of their rows, which a container has to see.
    files: tuple[Path, ...] = ()
    #: Whether rows are on the Hub.
    network: bool = False


def asked_in_training(loaded: LoadedSpec, section: ModelSpec, cwd: Path) -> AskedInTraining:
    """Read the tasks that ``section``, the spec of the kind, names; ``loaded`` is the document that it is from.

    Raises :class:`SpecError` for a task that is wrong, at its place in its file, and for one that a training cannot
    ask; and what finding the files of rows raises.
    """
    names = section.evaluation_files()
    if not names:
        return AskedInTraining()
    # Imported here: most trainings ask no tasks.
    from runner.spec.evaluation_checking import load_task_file

    tasks = [load_task_file(absolute(name, cwd)) for name in names]
    if faults := section.evaluation_faults([each.task for each in tasks]):
        places = [loaded.document.position(fault.pointer) for fault in faults]
        raise SpecError(
            [replace(fault, line=line, column=column) for fault, (line, column) in zip(faults, places, strict=True)],
            source=loaded.document.source,
        )
    files: dict[Path, None] = {}
    network = False
    for each in tasks:
        own = each.task
        named = {"/data/dataset": own.data.dataset}
        if own.few_shot is not None and own.few_shot.dataset is not None:
            named["/few_shot/dataset"] = own.few_shot.dataset
        for pointer, path in named.items():
            if is_hub_name(path):
                network = True
            else:
                files |= dict.fromkeys(data_files(path, f"{each.source}: {pointer}", cwd)[0])
    return AskedInTraining(tuple(files), network)
