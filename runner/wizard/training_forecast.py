"""What training a spec would mean: rows, steps, memory, time, a sentence each. Told again after every answer.

What was read of the data is kept while neither the ``data`` object nor the files change, and what was told while the
document does not.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.contract import LoadContext, LoadedData
from runner.contract.quantities import counted
from runner.errors import Fault, RunnerError, SpecError
from runner.execution.dry_run import dry_run
from runner.execution.forecast import load
from runner.spec.checking import LoadedSpec, load_object
from runner.workspace import Workspace

#: How what is said of a field ends that is not there, and has to be.
LACKS = " is missing"


@dataclass(frozen=True)
class _Read:
    """Data that was read, with the events that reading it told."""

    data: LoadedData
    events: list[tuple[str, dict[str, Any]]]


class Consequences:
    """Tells them for one conversation."""

    def __init__(self) -> None:
        self._read: tuple[str, _Read] | None = None
        self._told: tuple[str, list[str]] | None = None

    def tell(self, document: Mapping[str, Any], workspace: Workspace, *, quick: bool | None = None) -> list[str]:
        """Sentences on what a training of ``document`` would be. What is wrong with it is told as sentences; of one
        that only lacks something yet, nothing is told.

        ``quick``: what the kind itself would tell of memory, for which most load torch, is left out; where that is not
        said, it is told if torch is loaded. Raises nothing for what is wrong with the document, its data, or this
        machine.
        """
        quick = "torch" not in sys.modules if quick is None else quick
        try:
            loaded = load_object(dict(document))
            key = f"{quick}{workspace}{json.dumps(document, sort_keys=True)}{_signature(loaded)}"
            if self._told is None or self._told[0] != key:
                told = dry_run(loaded, workspace, reading=self._reading, asks_kind=not quick)
                self._told = key, list(_sentences(told))
            return list(self._told[1])
        except SpecError as error:
            return [_fault(fault) for fault in error.faults if not fault.message.endswith(LACKS)]
        except RunnerError as error:
            return [_error(error)]
        except Exception as error:  # noqa: BLE001 - a conversation does not end because nobody can tell what it leads to
            return [f"what it will take could not be told: {type(error).__name__}: {error}"]

    def _reading(self, section: Any, context: LoadContext) -> LoadedData:
        """The data, read once for a section, its files, and what the kind leaves out of them."""
        spec = context.spec
        left_out = {name: getattr(spec, name) for name in spec.row_filters}
        key = f"{spec.model_type}{section!r}{left_out}{_files(section)}"
        if self._read is None or self._read[0] != key:
            events: list[tuple[str, dict[str, Any]]] = []

            def emit(event: str, **fields: Any) -> None:
                events.append((event, fields))

            told = LoadContext(spec, context.cache, emit, context.report)
            # What was read before is let go of first: two of them may not fit.
            self._read = None
            self._read = key, _Read(load(section, told), events)
        read = self._read[1]
        for event, fields in read.events:
            context.emit(event, **fields)
        return read.data


_CONVERSATION = Consequences()


def tell(document: Mapping[str, Any], workspace: Workspace, *, quick: bool | None = None) -> list[str]:
    """The same for the one conversation of this process."""
    return _CONVERSATION.tell(document, workspace, quick=quick)


def _signature(loaded: LoadedSpec) -> str:
    data: Any = loaded.spec.data
    if isinstance(data, Mapping):
        # What starts from a stored model has a section once that is known.
        return _times([str(data.get("dataset"))])
    return _files(data)


def _files(section: Any) -> str:
    """What tells that the user's files are the same."""
    return _times([str(path) for path in section.local_files()])


def _times(paths: Sequence[str]) -> str:
    """Names, sizes, times; of one that is not there that it is not."""
    found = []
    for path in paths:
        try:
            facts = Path(path).stat()
            found.append(f"{path} {facts.st_size} {facts.st_mtime_ns}")
        except OSError:
            found.append(f"{path} -")
    return "\n".join(found)


def _sentences(document: Mapping[str, Any]) -> Iterator[str]:
    record, footprint = document["data"], document["footprint"] or {}
    figures = footprint.get("figures") or {}
    if record is None:
        yield f"how many rows there are is not known: {document['data_unknown']}"
    else:
        yield _rows(record)
    steps, examples = figures.get("steps"), figures.get("examples_per_step", 0)
    if not steps and record is not None:
        steps, examples = _steps(document["spec"], record.get("train"))
    if steps:
        yield f"{counted(steps, 'steps')} of {counted(examples, 'examples')}"
    yield from _memory(document["estimate"], footprint)
    yield _time(document["estimate"], figures)
    place = f"in a container of {document['image']}" if document["image"] else "as a process of this machine"
    yield f"it runs {place} and is stored as {document['stored_as']}"
    if document["network"]:
        yield "it needs the network: something has to be fetched"
    for text in document["warnings"]:
        yield f"warning: {text}"
    yield from document["notes"]
    if document["footprint_unknown"]:
        yield f"what it takes could not be told: {document['footprint_unknown']}"


def _steps(spec: Mapping[str, Any], rows: Any) -> tuple[int, int]:
    """How many steps of how many examples kinds make that train by batches; 0 of others, and where it is not known."""
    section = spec["model"].get("spec") or {}
    batch, epochs = spec.get("batch_size"), spec.get("epochs")
    if not isinstance(batch, int) or not isinstance(epochs, int) or not isinstance(rows, int) or not rows:
        return 0, 0
    if "gradient_accumulation" not in section:
        return 0, 0
    examples = batch * section["gradient_accumulation"]
    return min(section.get("max_steps") or sys.maxsize, math.ceil(rows / examples) * epochs), examples


def _rows(record: Mapping[str, Any]) -> str:
    train, held = record.get("train"), record.get("validation")
    dropped = record.get("rows_dropped") or {}
    # Rows beyond max_samples have nothing wrong: the reasons say which is which.
    reasons = ", ".join(f"{reason.replace('_', ' ')} {count:,}" for reason, count in dropped.items())
    lost = f"; {counted(sum(dropped.values()), 'rows')} are left out: {reasons}" if dropped else ""
    if not isinstance(train, int):
        return f"{counted(record.get('rows_kept', record.get('rows_read', 0)), 'rows')} are used{lost}"
    if not held:
        return f"{counted(train, 'rows')} are trained on, and none is held out{lost}"
    return f"{counted(train, 'rows')} are trained on and {held:,} are held out{lost}"


def _memory(estimate: Mapping[str, Any], footprint: Mapping[str, Any]) -> Iterator[str]:
    device = (footprint.get("figures") or {}).get("device", "cpu")
    whose = "of the GPU's memory" if device != "cpu" else "of memory, the libraries on top"
    if footprint.get("memory"):
        yield f"about {_bytes(footprint['memory'])} {whose}"
    elif estimate["memory"]:
        yield f"about {_bytes(estimate['memory'])} of memory, as run {estimate['judged_by']} took"


def _time(estimate: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
    if estimate["seconds"]:
        return f"about {_duration(estimate['seconds'])}, judged by run {estimate['judged_by']}"
    if least := figures.get("seconds_at_least"):
        return f"at least {_duration(least)} of computing alone; no run of this type has ended here yet to judge by"
    return "how long it takes is not known: no run of this type has ended here yet"


def _bytes(count: float) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{max(1, round(count / 2**20)):,} MiB"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return counted(max(1, round(seconds)), "seconds")
    if seconds < 5400:
        return counted(round(seconds / 60), "minutes")
    return f"{seconds / 3600:.1f} hours"


def _error(error: RunnerError) -> str:
    return _fault(Fault(error.message, error.where or "", hint=error.hint))


def _fault(fault: Fault) -> str:
    """``/data/dataset: there is no such data file (that folder has train.csv)``"""
    place = f"{fault.pointer}: " if fault.pointer else ""
    wanted = f", {fault.expected} is expected" if fault.expected else ""
    return f"{place}{fault.message}{wanted}{f' ({fault.hint})' if fault.hint else ''}"
