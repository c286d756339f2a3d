"""A run's directory where all machines reach it: who is at it, how far it is, and how it ended.

::

    ROOT/<run id>/
        spec.json, plan.json                 what is trained; files are named as nodes find them
        submissions/0001.json, 0001.job.json what engines were asked, and by which id they know it
        attempts/0001/claim.json             made exclusively by the process that takes the attempt
        attempts/0001/lease.json             written anew by it every few seconds
        attempts/0001/events/OFFSET, log/OFFSET   what it said, in pieces by their byte offset
        attempts/0001/end.json               how it ended
        attempts/0001/artifact/, result.json, tables.json, lock.json, outcome.json
        checkpoints/[STAGE/]STEP.ATTEMPT/    MANIFEST.json, with sizes and checksums, is written last
        cancelled.json                       nobody begins any more, and who is at it stops
        DONE.json                            made exclusively; has the checksum of the artifact's manifest

The directory is the truth. What an engine says explains why nothing runs, and decides nothing. All that an attempt
writes lies in folders with its number: one that comes back after another took over harms nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, TypeVar

from runner.engines.storage import Storage, age, open_storage
from runner.errors import IntegrityError, NotFoundError, UsageError
from runner.runs.run_documents import Failure
from runner.store.typed_documents import JsonObject, Misfit, TypedDocument

#: How often an owner renews its lease, and after how long without a renewal it is taken for gone; seconds.
RENEWED_EVERY = 10.0
LAPSED_AFTER = 90.0

D = TypeVar("D", bound=TypedDocument)


@dataclass(frozen=True, kw_only=True)
class Claim(TypedDocument):
    """Who took an attempt. The time is its own clock's: told, and never compared."""

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"submission"})

    owner: str
    host: str | None = None
    pid: int | None = None
    at: float | None = None
    #: The submission that started it, where one did.
    submission: int | None = None


@dataclass(frozen=True, kw_only=True)
class Lease(TypedDocument):
    """That its owner lives: what counts is when the file was written, by the storage's clock."""

    owner: str
    renewed: int = 0


class How(StrEnum):
    """How an attempt ended."""

    DONE = "done"
    #: It was asked to stop, or its machine was; a checkpoint is there.
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"
    FAILED = "failed"
    #: Another attempt had begun.
    SUPERSEDED = "superseded"


@dataclass(frozen=True, kw_only=True)
class AttemptEnd(TypedDocument):
    """``end.json``."""

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"failure", "stop_seconds"})

    how: How
    exit_code: int
    failure: Failure | None = None
    #: From being asked to stop until the checkpoint lay in the directory.
    stop_seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Cancelled(TypedDocument):
    """``cancelled.json``. One that is not final is taken away by whoever goes on with the run."""

    final: bool = True
    by: str | None = None


@dataclass(frozen=True, kw_only=True)
class Done(TypedDocument):
    """``DONE.json``: whose artifact it is, and the checksums (sha256, hex) of its manifest and of its documents."""

    attempt: int
    artifact: str
    documents: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Submission(TypedDocument):
    """What an engine was asked. ``job`` and ``ended`` are files of their own, written later."""

    engine: str
    name: str


@dataclass(frozen=True, kw_only=True)
class SubmissionEnd(TypedDocument):
    """A job that ended before anything of the run began."""

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"why", "exit_code"})

    interrupted: bool
    why: str | None = None
    exit_code: int | None = None


@dataclass(frozen=True, kw_only=True)
class Forgiven(TypedDocument):
    """Attempts and submissions up to these numbers count no more: somebody asked for the run again."""

    attempts: int = 0
    submissions: int = 0


@dataclass(frozen=True)
class Attempt:
    """One attempt, as far as it came."""

    number: int
    claim: Claim | None
    end: AttemptEnd | None


class RunRoot:
    """One run's directory in a storage. Reads when asked; remembers nothing."""

    def __init__(self, storage: Storage, run_id: str) -> None:
        self.id = run_id
        self.storage = storage.within(run_id)
        #: What is above it, where staged inputs are.
        self.above = storage

    @property
    def address(self) -> str:
        """Where it is: what a command takes."""
        return self.storage.address

    def read(self, key: str, shape: type[D]) -> D | None:
        """A document, None where it is not there. Raises :class:`IntegrityError` for one that is not of its shape."""
        document = self.document(key)
        if document is None:
            return None
        try:
            return shape.from_document(document)
        except Misfit as error:
            raise IntegrityError(f"this file is not what was written ({error})", where=self._place(key)) from None

    def document(self, key: str) -> JsonObject | None:
        """The same, as it was written."""
        data = self.storage.read(key)
        # Where files cannot be linked, one is there for a moment before its content is.
        if not data:
            return None
        try:
            document = json.loads(data)
        except ValueError as error:
            raise IntegrityError(f"not a JSON document: {error}", where=self._place(key)) from None
        if not isinstance(document, dict):
            raise IntegrityError("not a JSON object", where=self._place(key))
        return document

    def write(self, key: str, value: TypedDocument | JsonObject) -> None:
        """Write a document, whatever was there."""
        self.storage.write(key, as_bytes(value))

    def create(self, key: str, value: TypedDocument | JsonObject) -> bool:
        """Write a document that is not there yet; False where there is one."""
        return self.storage.create(key, as_bytes(value))

    def need(self) -> None:
        """Raise :class:`NotFoundError` where no run is."""
        if self.storage.read("spec.json") is None or self.storage.read("plan.json") is None:
            raise NotFoundError(
                "there is no run", where=self.address, hint="ROOT/RUN, as `runner train` and `runner remote` print it"
            )

    # Attempts.

    def attempts(self) -> list[Attempt]:
        """Every attempt, oldest first."""
        return [self.attempt(number) for number in self.numbers("attempts")]

    def attempt(self, number: int) -> Attempt:
        """One of them."""
        folder = attempt_folder(number)
        return Attempt(number, self.read(f"{folder}/claim.json", Claim), self.read(f"{folder}/end.json", AttemptEnd))

    def numbers(self, folder: str) -> list[int]:
        """The numbers that the entries of a folder begin with, ascending, each once."""
        found = {name.partition(".")[0] for name in self.storage.names(folder)}
        return sorted(int(name) for name in found if name.isdigit())

    def claim(self, number: int, owner: str, at: float, submission: int | None = None) -> bool:
        """Take an attempt; False where another took it. Its lease is there when it is."""
        folder = attempt_folder(number)
        taken = Claim(owner=owner, host=socket.gethostname(), pid=os.getpid(), at=at, submission=submission)
        if not self.create(f"{folder}/claim.json", taken):
            return False
        self.renew(number, owner, 0)
        return True

    def renew(self, number: int, owner: str, renewed: int) -> None:
        """Say that the owner of an attempt lives."""
        self.write(f"{attempt_folder(number)}/lease.json", Lease(owner=owner, renewed=renewed))

    def silent_for(self, number: int) -> float | None:
        """Seconds since the owner of an attempt was last heard of, by the storage's clock. None: there is no such."""
        folder = attempt_folder(number)
        found = age(self.storage, f"{folder}/lease.json")
        # Claimed a moment ago, and the lease is not there yet.
        return age(self.storage, f"{folder}/claim.json") if found is None else found

    def is_live(self, attempt: Attempt) -> bool:
        """Whether somebody is at this attempt."""
        if attempt.end is not None:
            return False
        silent = self.silent_for(attempt.number)
        return silent is not None and silent <= LAPSED_AFTER

    # Submissions.

    def submission(self, number: int) -> tuple[Submission | None, str | None, SubmissionEnd | None]:
        """One submission, the engine's id of its job if it is known, and how it ended if nothing began."""
        job = self.document(f"submissions/{number:04d}.job.json") or {}
        return (
            self.read(f"submissions/{number:04d}.json", Submission),
            job.get("job"),
            self.read(f"submissions/{number:04d}.end.json", SubmissionEnd),
        )

    # Ends.

    def done(self) -> Done | None:
        """What was made, if the run is done."""
        return self.read("DONE.json", Done)

    def cancelled(self) -> Cancelled | None:
        """Whether nobody may begin."""
        return self.read("cancelled.json", Cancelled)

    def forgiven(self) -> Forgiven:
        """What counts no more."""
        return self.read("forgiven.json", Forgiven) or Forgiven()

    def _place(self, key: str) -> str:
        return f"{self.address.rstrip('/')}/{key}"


def open_run(address: str) -> RunRoot:
    """The run at ``ROOT/RUN``. Raises :class:`UsageError` for what is no such address; nothing is read."""
    above, _, run_id = address.rstrip("/").rpartition("/")
    if not above or not run_id or above.endswith(":/"):
        raise UsageError(
            "not the address of a run", where=address, hint="ROOT/RUN: /shared/runs/ID, s3://bucket/runs/ID"
        )
    return RunRoot(open_storage(above, where=address), run_id)


def attempt_folder(number: int) -> str:
    """The key of an attempt's folder."""
    return f"attempts/{number:04d}"


def as_bytes(value: TypedDocument | JsonObject) -> bytes:
    """A document as it is written."""
    document: Any = value.to_document() if isinstance(value, TypedDocument) else value
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def checksum(data: bytes) -> str:
    """sha256, hex."""
    return hashlib.sha256(data).hexdigest()
