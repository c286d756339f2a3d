"""Events as typed documents: what is written stays as it was, and everything that was ever written is read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.runs.event_kinds import (
    KINDS,
    CheckpointEvent,
    DataEvent,
    EndedEvent,
    EpochEvent,
    Event,
    MetricsEvent,
    ProgressEvent,
    StageEpochEvent,
    StartedEvent,
    StepEvent,
    WarningEvent,
    read_event,
)
from runner.runs.events import EventReader, EventWriter
from runner.runs.run_documents import Failure

ERROR = {"error": "data", "exit_code": 4, "message": "no rows", "where": None, "hint": None}
REPORT = {
    "layout": "table",
    "rows_dropped": {"empty": 2},
    "rows_changed": {},
    "named": {"empty": [3, 9]},
    "warnings": [],
}
TOLD: list[tuple[str, dict[str, Any], type[Event]]] = [
    (
        "started",
        {"model_type": "k", "name": "n", "device": "cpu", "seed": 42, "pid": 7, "print_every": 1},
        StartedEvent,
    ),
    ("data", {"record": {"rows_read": 3, "skipped": {"empty": 1}}}, DataEvent),
    ("data", {"record": {}, "report": REPORT}, DataEvent),
    ("progress", {"done": 1, "total": 8, "unit": "texts", "metrics": {}}, ProgressEvent),
    ("progress", {"epoch": 1, "epochs": 2, "done": 1, "total": 8, "metrics": {"loss": 0.5}}, ProgressEvent),
    ("epoch", {"epoch": 1, "epochs": 2, "metrics": {"loss": 0.5, "own_number": 3}, "best": True}, EpochEvent),
    ("step", {"step": 4, "steps": 8, "epoch": 0.5, "tokens": 99, "metrics": {"loss": None}, "best": False}, StepEvent),
    ("stage_epoch", {"stage": "llms", "epoch": 1, "epochs": 2, "metrics": {}}, StageEpochEvent),
    ("warning", {"message": "odd", "pointer": "/data"}, WarningEvent),
    ("checkpoint", {"step": 3}, CheckpointEvent),
    ("metrics", {"metrics": {"accuracy": 0.5, "of_mine": "text"}}, MetricsEvent),
    ("finished", {}, EndedEvent),
    ("failed", {"error": ERROR}, EndedEvent),
    ("resumed", {"step": 3, "epoch": 1, "batch": 0}, Event),
    ("of_tomorrow", {"anything": [1]}, Event),
]


@pytest.mark.parametrize(("name", "fields", "kind"), TOLD)
def test_an_event_is_told_as_it_is_written_and_read_as_it_was_told(tmp_path, name, fields, kind):
    writer = EventWriter(tmp_path)
    told = writer.emit(name, **fields)
    writer.close()
    (line,) = (tmp_path / "events.jsonl").read_text().splitlines()
    assert line == json.dumps({"t": told.t, "event": name} | fields)
    (read,) = EventReader(tmp_path).new()
    assert read == told and type(read) is kind and read.event == name
    assert list(EventReader(tmp_path).documents()) == [json.loads(line)]
    # What the line does not say is None or empty.
    assert {key: value for key, value in read.to_document().items() if key in json.loads(line)} == json.loads(line)


def test_an_event_says_what_there_is_of_it():
    assert read_event({"event": "epoch", "epoch": "one", "metrics": {"a": 1, "b": "x", "c": True}}) == EpochEvent(
        metrics={"a": 1}
    )
    assert read_event({"event": "failed", "error": "old words"}) == EndedEvent(event="failed", error="old words")
    told = read_event({"event": "failed", "error": ERROR | {"message": None}})
    assert told == EndedEvent(event="failed", error=Failure(error="data", exit_code=4))
    assert read_event({"event": ["progress"]}) == Event()


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
KEYS = ["t", "record", "report", "epoch", "metrics", "best", "error", "message", "done", "seed", "step", "others"]


@given(st.fixed_dictionaries({"event": st.sampled_from([*KINDS, "?"])}, optional=dict.fromkeys(KEYS, ANYTHING)))
def test_whatever_stands_in_a_line_is_an_event(document):
    event = read_event(document)
    assert event.event == document["event"]
