"""A listener that fails is dropped, and the run and the others go on."""

from __future__ import annotations

import errno
import io

import pytest

from runner.runs.event_kinds import EpochEvent, Event, WarningEvent, read_event
from runner.tracking.run_listeners import Audience
from runner.tracking.terminal import TerminalListener
from tests.tracking.test_terminal import training


class Heard:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.code: int | None = None

    def handle(self, event: Event) -> None:
        self.events.append(event)

    def close(self, code: int) -> None:
        self.code = code


class Deaf(Heard):
    """Fails at the second event, and at the end."""

    def handle(self, event: Event) -> None:
        super().handle(event)
        if len(self.events) == 2:
            raise RuntimeError("no more")

    def close(self, code: int) -> None:
        raise RuntimeError("no end")


def test_who_fails_hears_no_more_and_the_others_are_told() -> None:
    first, deaf, last, told = Heard(), Deaf(), Heard(), []
    audience = Audience([first, deaf, last], told.append)
    for number in range(4):
        audience.handle(EpochEvent(epoch=number))
    audience.close(0)
    assert len(deaf.events) == 2
    for heard in (first, last):
        assert [event.epoch for event in heard.events if isinstance(event, EpochEvent)] == [0, 1, 2, 3]
        (warning,) = [event.message for event in heard.events if isinstance(event, WarningEvent)]
        assert "Deaf" in warning
        assert heard.code == 0
    (text,) = told
    assert "RuntimeError: no more" in text


def test_who_fails_at_the_end_does_not_keep_the_end_from_the_others() -> None:
    last, told = Heard(), []
    Audience([Deaf(), last], told.append).close(75)
    assert last.code == 75
    assert "no end" in told[0]


class Lost(io.StringIO):
    """A terminal that goes away after so many writes."""

    def __init__(self, writes: int, error: Exception) -> None:
        super().__init__()
        self.left, self.error = writes, error

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.left -= 1
        if self.left < 0:
            raise self.error
        return super().write(text)


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("writes", [0, 3])
@pytest.mark.parametrize(
    "error",
    [
        BrokenPipeError(errno.EPIPE, "Broken pipe"),
        OSError(errno.EIO, "Input/output error"),
        OSError(errno.ENOSPC, "No space left on device"),
        UnicodeEncodeError("latin-1", "\u65e5", 0, 1, "no such letter"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_stream_that_goes_away_is_given_up(error: Exception, writes: int, terminal: bool) -> None:
    stream = Lost(writes, error)
    with TerminalListener(stream, terminal=terminal) as listener:
        for event in training(3):
            listener.handle(read_event(event))
    assert stream.left < 0


def test_a_stream_that_is_closed_is_given_up() -> None:
    stream = io.StringIO()
    with TerminalListener(stream, terminal=False) as listener:
        for number, event in enumerate(training(3)):
            if number == 3:
                stream.close()
            listener.handle(read_event(event))
