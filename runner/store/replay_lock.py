"""What a replay needs to know of a training: ``lock.json`` of a run, and ``lock`` in a stored model's manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from runner.store.typed_documents import JsonObject, TypedDocument


@dataclass(frozen=True, kw_only=True)
class Hardware(TypedDocument):
    """The machine."""

    machine: str | None = None
    system: str | None = None
    cpus: int | None = None
    #: Bytes.
    memory: int | None = None
    #: Its GPU's name, where one was used.
    gpu: str | None = None


@dataclass(frozen=True, kw_only=True)
class ReplayLock(TypedDocument):
    """Spec, data, code, packages, image and hardware; None is what a training did not have, or did not say."""

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset(
        {"earlier_data_fingerprints", "processes", "prepared", "pipeline", "stamp"}
    )

    spec_hash: str | None = None
    data_fingerprint: str | None = None
    seed: int | None = None
    device: str | None = None
    #: How many the arithmetic used: sums in another order differ in their last digits.
    threads: int | None = None
    #: How many trained the model together: their sums come in another order too.
    processes: int = 1
    #: Runner's version, and the hash of its source.
    runner: str | None = None
    code: str | None = None
    image: str | None = None
    image_digest: str | None = None
    python: str | None = None
    #: The versions of the distributions that the kind needs.
    packages: Mapping[str, str] = field(default_factory=dict)
    hardware: Hardware = field(default_factory=Hardware)
    #: Of other data that the run has trained on before.
    earlier_data_fingerprints: tuple[str, ...] = ()
    #: How the data that the spec's fields name was made, where steps did: field -> ``reference`` (``dataset/NAME/vN``
    #: or a folder), ``sha256``, the rows of its ``parts``, and its ``steps`` from the raw files on.
    prepared: JsonObject = field(default_factory=dict)
    #: The pipeline whose step it was: ``name``, ``step``, and ``steps``, all that its rows and models came through,
    #: each with its verb and the hash of its inputs and options.
    pipeline: JsonObject | None = None
    #: What really trained, of a kind that tells it: backend, precision, base, template, rows, adapters.
    stamp: Mapping[str, object] = field(default_factory=dict)
