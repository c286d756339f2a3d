"""A process that waits at a named event: where it waits, what lets it go, what is no event."""

from __future__ import annotations

import threading

import pytest

from runner.errors import UsageError
from runner.runs.event_hold import AT, FILE, Hold
from tests.holding import wait


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setenv(AT, "epoch:2")
    monkeypatch.setenv(FILE, str(tmp_path / "held"))
    return tmp_path / "held"


def test_without_being_asked_nothing_waits(monkeypatch):
    assert Hold.asked() is None


def test_it_waits_at_the_event_of_that_number_and_goes_on_when_the_file_is_gone(file):
    hold, passed = Hold.asked(), []

    def emit() -> None:
        for event in ("epoch", "progress", "progress", "epoch", "epoch"):
            hold.reached(event)
            passed.append(event)

    worker = threading.Thread(target=emit)
    worker.start()
    wait(file.exists)
    assert passed == ["epoch", "progress", "progress"]
    file.unlink()
    worker.join()
    assert len(passed) == 5 and not file.exists()


def test_a_stop_ends_the_waiting(file):
    hold = Hold.asked()
    hold.reached("epoch", lambda: True)
    hold.reached("epoch", lambda: True)
    assert file.exists()


@pytest.mark.parametrize("at", ["epoch", "epoch:", "epoch:0", "epoch:x", ":2", ""])
def test_what_is_no_event_is_refused(file, monkeypatch, at):
    monkeypatch.setenv(AT, at)
    with pytest.raises(UsageError, match=AT):
        Hold.asked()
