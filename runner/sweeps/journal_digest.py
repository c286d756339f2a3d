"""A sweep's journal in short, for who only looks: how many trials are in which state, the best, the last ones.

The digest lies beside the journal and is made from it alone. It says how far it has read, and what stands there, so
that a reader goes on from that place; where the journal is another one, or a line speaks of a trial that is not in the
digest, the whole journal is read. It may be removed at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import Counter
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from runner.errors import RunnerError
from runner.store.files import read_json, write_json
from runner.sweeps.journal import Aim, Journal, Record, Trial, TrialState

NAME = "digest.json"
#: The newest trials that it has whole.
RECENT = 100
#: Bytes of a journal that are read without it.
WORTH = 2**20
#: Another form of the digest is made anew.
FORM = 1
#: Bytes before the place that it has read to, by which the journal is known again.
KNOWN_BY = 4096


def read(folder: Path, journal: Journal, most: int = RECENT) -> Record:
    """What the journal in ``folder`` says, with the newest ``most`` (up to :data:`RECENT`) trials whole, those that are
    not over, and the best; of the others only how many are in which state. A short journal is read whole.

    Raises :class:`~runner.errors.IntegrityError` for a damaged journal, and EnvironmentProblem.
    """
    if most > RECENT or journal.size() <= WORTH:
        return Record.read(journal)
    found = _from(folder, journal)
    if found is not None:
        record, read_to = found
        if journal.size() - read_to <= WORTH:
            return record
    else:
        record = Record.read(journal)
        read_to = 0
    write(folder, journal, record)
    return record


def write(folder: Path, journal: Journal, record: Record) -> None:
    """Write down what ``record`` says in short; a folder that cannot be written to goes without."""
    end = record.read_to
    if end <= WORTH:
        return
    document = {
        "form": FORM,
        "read_to": end,
        "before": _before(journal, end),
        "aims": [asdict(aim) for aim in record.aims],
        "spaces": record.spaces,
        "waiting": record.waiting,
        "left_out": {str(state): count for state, count in _left_out(record).items()},
        "trials": [asdict(trial) for trial in _kept(record)],
    }
    with contextlib.suppress(OSError, RunnerError):
        write_json(folder / NAME, document)


def _kept(record: Record) -> list[Trial]:
    newest = max(record.trials, default=-1)
    front = {trial.number for trial in record.front()}
    return [
        trial
        for trial in record.trials.values()
        if trial.number > newest - RECENT or trial.number in front or trial.state is TrialState.RUNNING
    ]


def _left_out(record: Record) -> Counter[TrialState]:
    return record.states() - Counter(trial.state for trial in _kept(record))


def _from(folder: Path, journal: Journal) -> tuple[Record, int] | None:
    """The record of the digest and of what stands behind it in the journal, and how far the digest had read. None where
    there is no digest of this journal, or it does not suffice."""
    try:
        document = read_json(folder / NAME)
        read_to = document["read_to"]
        if document["form"] != FORM or _before(journal, read_to) != document["before"]:
            return None
        record = Record(
            trials={each["number"]: _trial(each) for each in document["trials"]},
            waiting=document["waiting"],
            spaces=document["spaces"],
            aims=tuple(Aim(**each) for each in document["aims"]),
            left_out=Counter({TrialState(state): count for state, count in document["left_out"].items()}),
            read_to=read_to,
        )
        for line in journal.lines(read_to):
            if line["event"] == "space":
                # Another metric may have another best.
                return None
            record.take(line)
        record.read_to = journal.read_to
        return record, read_to
    except (OSError, RunnerError, ValueError, KeyError, TypeError, AttributeError):
        # What is wrong with the journal itself shows when it is read.
        return None


def _trial(document: dict[str, Any]) -> Trial:
    known = {each.name: document[each.name] for each in fields(Trial)}
    told = {int(at): value for at, value in document["told"].items()}
    return Trial(**known | {"state": TrialState(document["state"]), "told": told})


def _before(journal: Journal, end: int) -> str:
    """sha256 (hex) of what stands before a place of the journal."""
    with journal.path.open("rb") as file:
        file.seek(max(end - KNOWN_BY, 0))
        return hashlib.sha256(file.read(min(end, KNOWN_BY))).hexdigest()
