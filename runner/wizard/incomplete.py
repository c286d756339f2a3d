"""Whether a spec is right as far as it goes: all that is wrong with it is what it lacks."""

from __future__ import annotations

from pathlib import Path

from runner.errors import RunnerError


def only_lacks(path: Path) -> bool:
    """True of a file whose every fault is a field that is missing. False of one without fault, and of any other."""
    from runner.spec.checking import examine
    from runner.spec.reader import read, read_file

    try:
        document = read(read_file(path), str(path))
    except RunnerError:
        return False
    if not isinstance(document.value, dict):
        return False
    faults = examine(document, document.value).faults
    # A model without spec or stored model to start from lacks its kind.
    return bool(faults) and all(
        finding.sort == "missing" or "the model is not described" in finding.fault.message for finding in faults
    )
