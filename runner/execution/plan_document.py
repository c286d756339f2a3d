"""``plan.json``: what was decided before a run, for the worker to read. It holds no secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from runner.store.typed_documents import JsonObject, TypedDocument

#: The executor of a run whose steps a program of the user's takes: it cannot be started again from its documents.
PROGRAM = "program"


@dataclass(frozen=True, kw_only=True)
class StoredReference(TypedDocument):
    """A stored model that one of the spec's fields names."""

    #: With its version.
    reference: str
    #: Its folder, absolute.
    path: str


@dataclass(frozen=True, kw_only=True)
class PlanDocument(TypedDocument):
    """The plan, as it is written."""

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset(
        {"headline", "allow_changed_data", "processes", "sharding", "prepared", "pipeline", "anyway"}
    )

    plan_version: int = 1
    model_type: str
    name: str
    #: What the run is judged by, so that a listing of runs need not load their kinds. Older plans have none.
    headline: JsonObject | None = None
    executor: str
    image: str | None = None
    image_digest: str | None = None
    gpus: int | str | None = None
    #: That train the model together.
    processes: int = 1
    #: What of its weights each of them holds: "none" are divided, or "full".
    sharding: str = "none"
    network: bool = False
    #: The folder that relative paths count from, and the cache; both absolute.
    cwd: str
    cache: str
    #: The folder of the stored model to start from, and its reference.
    start_from: str | None = None
    parent: str | None = None
    #: By the spec's field.
    stored: Mapping[str, StoredReference] = field(default_factory=dict)
    #: How the data that the spec's fields name was made: field -> its reference, hash and steps.
    prepared: JsonObject = field(default_factory=dict)
    #: What is to be said of the models that this one is made from.
    caveats: tuple[str, ...] = ()
    #: The spec's section.
    wandb: JsonObject | None = None
    #: The hash of Runner's source.
    code: str | None = None
    #: The pipeline whose step the training is: its name, the step, and every step that the data came through.
    pipeline: JsonObject | None = None
    #: Whether a resumed run may go on with data that it did not begin with.
    allow_changed_data: bool = False
    #: Whether a training that will not fit the machine begins all the same.
    anyway: bool = False

    @property
    def references(self) -> dict[str, str]:
        """The stored models that the spec's fields name, by field."""
        return {name: stored.reference for name, stored in self.stored.items()}
