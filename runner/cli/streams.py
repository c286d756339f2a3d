"""The standard streams of the process: a write to them never raises, whatever is at their other end.

A terminal that closes, a pipe whose reader has gone, a full disk, a stream that was closed before we began, an encoding
that lacks a letter: none of them may end a training, or turn a success into a failure. What standard error cannot take
is dropped. What standard output cannot take is dropped too, and remembered: the exit code of a command whose result
was to be there says so (:func:`settled`).
"""

from __future__ import annotations

import codecs
import errno
import io
import locale
import os
import select
import sys
from collections.abc import Iterable
from typing import BinaryIO

from runner.errors import EnvironmentProblem, UsageError


class ReaderGone(Exception):
    """Nobody reads standard output any more."""


class Outlet(io.FileIO):
    """A descriptor to write to. What it cannot take is dropped; ``lost`` is the first reason."""

    lost: OSError | None = None

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        try:
            while (count := super().write(data)) is None:
                # Somebody else who has this terminal open set it not to block: wait as if it did.
                select.select([], [self.fileno()], [])
        except OSError as error:
            self.lost = self.lost or error
            return len(data)
        return count


class ResultStream:
    """Standard output for a result that is long in the making: it raises, so that nothing is made for nobody."""

    def write(self, text: str) -> int:
        return sys.stdout.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        sys.stdout.writelines(lines)
        self.flush()

    def flush(self) -> None:
        """Raises :class:`ReaderGone`, or :class:`EnvironmentProblem` where the result could not be written."""
        sys.stdout.flush()
        if (error := lost()) is not None:
            if error.errno == errno.EPIPE:
                raise ReaderGone
            raise _unwritable(error)


#: What standard output goes through once :func:`guard` was called.
_outlet: Outlet | None = None


def guard() -> None:
    """Put streams that cannot fail in the place of ``sys.stdout`` and ``sys.stderr``. Called once, first of all."""
    global _outlet
    codecs.register_error("jsonescape", _json_escape)
    _descriptor(0, sys.stdin, os.O_RDONLY)
    # Not to be written to, so that a result that was asked for is missed.
    _outlet = Outlet(_descriptor(1, sys.stdout, os.O_RDONLY), "w", closefd=False)
    sys.stdout = _text(_outlet, sys.stdout, "jsonescape")
    sys.stderr = _text(Outlet(_descriptor(2, sys.stderr, os.O_WRONLY), "w", closefd=False), sys.stderr)


def lost() -> OSError | None:
    """Why standard output does not take any more, if it does not."""
    return _outlet.lost if _outlet is not None else None


def forgive(kept: str) -> None:
    """Say that what standard output could not take is not lost; ``kept`` says where it is, as a sentence.

    The command then succeeds without it.
    """
    sys.stdout.flush()
    if (error := lost()) is None or _outlet is None:
        return
    if error.errno != errno.EPIPE:
        print(f"{kept}; {_unwritable(error).message}", file=sys.stderr, flush=True)
    _outlet.lost = None


def settled(code: int) -> int:
    """The exit code, once everything is written: a result that nobody got is no success.

    A reader that went away (``runner runs list | head``) has what it wanted.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    error = lost()
    if error is None or error.errno == errno.EPIPE:
        return code
    problem = _unwritable(error)
    print(f"error: {problem.message}\n  {problem.hint}", file=sys.stderr, flush=True)
    return code or int(problem.code)


def standard_input() -> BinaryIO:
    """What is piped in. Raises :class:`UsageError` where standard input was closed."""
    if sys.stdin is None:
        raise UsageError("standard input is closed", hint="name a file, or pipe one in")
    return sys.stdin.buffer


def _unwritable(error: OSError) -> EnvironmentProblem:
    reason = (error.strerror or str(error)).lower() if error.errno != errno.EBADF else "it is closed"
    return EnvironmentProblem(
        f"standard output cannot be written: {reason}", hint="send it elsewhere: `runner ... > FILE`"
    )


def _descriptor(number: int, stream: object, flags: int) -> int:
    """The stream's descriptor; one that leads nowhere where the stream was closed before we began.

    A number that stays free is taken by the next file that is opened, and what a library prints would go into it.
    """
    return number if stream is not None else os.open(os.devnull, flags)


def _text(outlet: Outlet, before: object, errors: str = "backslashreplace") -> io.TextIOWrapper:
    """A text stream as the interpreter made it, but for what it does with a letter that its encoding lacks."""
    return io.TextIOWrapper(
        io.BufferedWriter(outlet),  # type: ignore[type-var]
        encoding=getattr(before, "encoding", None) or locale.getencoding(),
        errors=errors,
        line_buffering=getattr(before, "line_buffering", False),
        write_through=getattr(before, "write_through", False),
    )


def _json_escape(error: UnicodeError) -> tuple[str, int]:
    """Letters that the encoding lacks as ``\\u`` escapes: a JSON document stays the same document."""
    assert isinstance(error, UnicodeEncodeError)
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)), error.end
