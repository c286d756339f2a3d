"""``remote.json`` of a local run: where the run is that it follows, and how far its words were read."""

from __future__ import annotations

from dataclasses import dataclass, field

from runner.engines.followed_words import Place
from runner.engines.run_root import RunRoot
from runner.engines.storage import open_storage
from runner.store.typed_documents import TypedDocument


@dataclass(frozen=True, kw_only=True)
class RemoteRun(TypedDocument):
    """The run on other machines that a local one stands for."""

    #: The storage's address, and the run's id in it.
    root: str
    run: str
    events: Place = field(default_factory=Place)
    log: Place = field(default_factory=Place)

    def open(self) -> RunRoot:
        """Its directory."""
        return RunRoot(open_storage(self.root), self.run)
