"""What models of texts are compared on: every target of a source is foretold, and nothing at all is refused."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from runner.data.dialogues.row_types import SourceRow
from runner.tasks.generation.comparing import BITS, bench

ROWS = [SourceRow(1, "one", ("eins", "eine")), SourceRow(2, "two", ("zwei",)), SourceRow(3, "three", ("drei",))]


class Entry:
    """A model that finds every text as likely as it is told to."""

    def __init__(self, label: str, nats: float) -> None:
        self.label, self._nats, self.asked, self.error = label, nats, [], None

    def nats(self, passages):
        self.asked = [[turn.content for turn in each.conversation.messages] for each in passages]
        return np.full(len(passages), self._nats)

    def ask(self, question):
        return question(self)

    def fail(self, error):
        self.error = error

    def as_dict(self):
        return {}


def test_sources_are_compared_by_all_their_targets():
    entries = [Entry("worse", 8.0), Entry("better", 4.0)]
    found = bench(entries, SimpleNamespace(validation=ROWS), 1, lambda _: None)
    assert entries[0].asked == [["one", "eins"], ["one", "eine"], ["two", "zwei"], ["three", "drei"]]
    assert [row["label"] for row in found["table"]] == ["better", "worse"]
    assert found["table"][0][BITS.metric] == pytest.approx(1 / math.log(2))


def test_rows_without_a_text_to_foretell_are_refused_for_every_model():
    entries = [Entry("one", 1.0), Entry("other", 1.0)]
    found = bench(entries, SimpleNamespace(validation=[object()]), 1, lambda _: None)
    assert found["table"] == []
    assert all("nothing can be compared" in entry.error.message for entry in entries)
