"""What a sweep's trials are measured on: that each has something, and that it is the same for all."""

from __future__ import annotations

from typing import Any

from runner.errors import Fault
from runner.spec import pointers
from runner.sweeps.search_space import Space, pointer_of
from runner.sweeps.sweep_reading import LoadedSweep
from runner.sweeps.trial_specs import Child

#: Places that say whether anything is held out.
DECIDING = ("/data/validation_split", "/data/validation_data", "/data/split_column")
#: Places that say which rows are held out, whatever else is said.
CHOOSING = (*DECIDING, "/data/dataset", "/data/group_column", "/data/time_column", "/data/stratify")
#: Those that choose rows only where no file and no column names them.
SEEDING = ("/data/seed", "/data/max_samples")


def faults(loaded: LoadedSweep, space: Space, metric: str) -> list[Fault]:
    """Trials that nothing is held out of have nothing that they are judged by."""
    if any(place in space.parameters for place in DECIDING) or _held_out(loaded.base.spec.data):
        return []
    message = f"nothing is held out in the base spec, so that no trial is measured by {metric}"
    return [Fault(message, "/base", *loaded.document.position("/base"), hint="set /data/validation_split")]


def nothing_left(child: Child, metric: str) -> Fault | None:
    """The fault of a trial's spec whose own values hold nothing out; None where something is."""
    place = next((each for each in DECIDING if each in child.values), None)
    if place is None or _held_out(child.loaded.spec.data):
        return None
    return Fault(f"nothing is held out, so that the trial is not measured by {metric}", place)


def warnings(loaded: LoadedSweep, key: str) -> list[Fault]:
    """Parameters by which trials are measured on different rows; ``key`` is what the space is called in the text."""
    data = loaded.base.spec.data
    named = getattr(data, "validation_data", None) or getattr(data, "split_column", None)
    found = []
    for place in loaded.sweep.space:
        pointer = pointer_of(place)
        if pointer not in CHOOSING and (pointer not in SEEDING or named):
            continue
        at = pointers.join(("sweep", key, place))
        message = (
            f"trials of another {pointer.rpartition('/')[2]} are measured on other held-out rows: that one is better "
            "than another may be its rows and not its training"
        )
        hint = "compare the best of each on rows that none was trained on"
        if pointer in SEEDING and hasattr(data, "validation_data"):
            hint = "hold the same rows out of all, by /data/validation_data or /data/split_column"
        found.append(Fault(message, at, *loaded.document.key_position(at), hint=hint))
    return found


def _held_out(data: Any) -> bool:
    """Whether a data section holds rows out; one that cannot say so does."""
    if getattr(data, "validation_data", None) or getattr(data, "split_column", None):
        return True
    return getattr(data, "validation_split", None) != 0
