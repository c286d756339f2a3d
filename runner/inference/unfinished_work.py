"""An inference's work while it is unfinished: the answers so far, and, beside a file to be written, how to go on."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
from filelock import FileLock, Timeout

from runner.errors import ConflictError, IntegrityError
from runner.store.files import cannot_write, read_json, write_json
from runner.tasks.number_table import NumberTable

STATE, SCORES, LINES, OUTPUT, LOCK = "state.json", "scores.f64", "rows.jsonl", "output", ".lock"
#: Seconds of work, after the first chunk, that a power cut may cost beside the chunk in hand.
PACE = 2.0


class Work:
    """The table, the output's lines so far, and how many rows are done. A folder's work can be taken up again."""

    def __init__(self, folder: Path | None, facts: dict[str, Any], width: int, rows: int) -> None:
        self.folder, self._facts = folder, facts
        self._width, self._rows = width, rows
        #: Rows done and bytes of their lines, changed together: a signal finds the one as far as the other.
        self._mark = (0, 0)
        #: How many rows were done each time that this work was taken up.
        self.resumed: list[int] = []
        self._lock: FileLock | None = None
        self._lines: IO[bytes] | None = None
        self._committed, self._kept = float("-inf"), 0

    @classmethod
    def without_folder(cls, width: int, rows: int) -> Work:
        """Work that is gone with the process: what goes to standard output."""
        work = cls(None, {}, width, rows)
        # They live as long as the work does.
        work._open(tempfile.TemporaryFile())  # noqa: SIM115
        work._lines = tempfile.TemporaryFile()  # noqa: SIM115
        return work

    @classmethod
    def in_folder(
        cls, folder: Path, facts: dict[str, Any], width: int, rows: int, say: Callable[[str], None], noun: str = "rows"
    ) -> Work:
        """Begin, or go on where the same command left off: where ``facts``, which decide every byte, are the same.

        Raises :class:`ConflictError` where another process is at it, or where something else has the folder's name.
        """
        work = cls(folder, facts, width, rows)
        try:
            _ours(folder)
            folder.mkdir(exist_ok=True)
            work._take_lock()
            state = work._found(say, noun)
            if state is None:
                for name in (STATE, SCORES, LINES):
                    (folder / name).unlink(missing_ok=True)
            mode = "w+b" if state is None else "r+b"
            work._open((folder / SCORES).open(mode))
            work._lines = (folder / LINES).open(mode)
            if state is not None:
                work._mark, work.resumed = (state["done"], state["line_bytes"]), [*state["resumed"], state["done"]]
                work._lines.truncate(state["line_bytes"])
                work._kept = work.done
            else:
                # Whoever would remove the model sees from the first moment that it is asked.
                write_json(folder / STATE, {"facts": facts, "done": 0, "line_bytes": 0, "resumed": []})
        except OSError as error:
            work.close()
            raise cannot_write(folder, error) from error
        except BaseException:
            work.close()
            raise
        return work

    @property
    def done(self) -> int:
        """How many rows are answered."""
        return self._mark[0]

    @property
    def lines(self) -> IO[bytes]:
        """The file of lines."""
        assert self._lines is not None
        return self._lines

    def add(self, rows: int, numbers: np.ndarray | None, lines: bytes = b"") -> None:
        """The next rows' answers: numbers, ``[width, rows]``, where they have a width, and what is written of them.

        They are put down safely every few seconds.
        """
        done, size = self._mark
        try:
            if numbers is not None:
                self.table.write(done, numbers)
            self.lines.seek(size)
            self.lines.write(lines)
        except OSError as error:
            raise cannot_write(self.folder or Path(tempfile.gettempdir()), error) from error
        self._mark = (done + rows, size + len(lines))
        # The last chunk is committed by `finish()`.
        if self.done < self._rows and time.monotonic() - self._committed >= PACE:
            self.commit()

    def commit(self) -> None:
        """Write down how far it is, after what is there has reached the disk."""
        if self.folder is None:
            return
        done, size = self._mark
        try:
            self.table.sync()
            self.lines.flush()
            os.fsync(self.lines.fileno())
        except OSError as error:
            raise cannot_write(self.folder, error) from error
        progress = {"done": done, "line_bytes": size, "resumed": self.resumed}
        write_json(self.folder / STATE, {"facts": self._facts} | progress)
        self._committed, self._kept = time.monotonic(), done

    def finish(self) -> None:
        """All is done: what was put down before is put down whole, so that a cut in the end costs nothing."""
        if self._kept:
            self.commit()
        else:
            try:
                self.lines.flush()
            except OSError as error:
                raise cannot_write(self.folder or Path(), error) from error

    def leave(self) -> int:
        """Stop in the middle: keep what can be gone on from, and say how many rows that is."""
        if self.folder is not None and self.done:
            with contextlib.suppress(Exception):
                self.commit()
        if self._kept:
            self.close()
        else:
            self.remove()
        return self._kept

    def remove(self) -> None:
        """Take the folder away: the output is written, or nothing is worth keeping."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.close()

    def close(self) -> None:
        for file in (getattr(self, "_scores", None), self._lines):
            if file is not None:
                with contextlib.suppress(OSError):
                    file.close()
        if self._lock is not None:
            self._lock.release()

    def _open(self, scores: IO[bytes]) -> None:
        self._scores = scores
        self.table = NumberTable(scores, self._width, self._rows)
        self.table.reserve()

    def _take_lock(self) -> None:
        assert self.folder is not None
        lock = FileLock(self.folder / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise ConflictError(
                "another inference is writing this output", where=str(self.folder), hint="wait for it, or stop it"
            ) from None
        self._lock = lock

    def _found(self, say: Callable[[str], None], noun: str) -> dict[str, Any] | None:
        """The state to go on from; None to begin, which is said where there was something."""
        assert self.folder is not None
        if not (self.folder / STATE).exists():
            return None
        try:
            state = read_json(self.folder / STATE)
            facts, done, lines = state["facts"], state["done"], state["line_bytes"]
            if done == 0:
                return None
            whole = (self.folder / SCORES).stat().st_size == 8 * self._width * self._rows
            if facts == self._facts and whole and (self.folder / LINES).stat().st_size >= lines:
                say(f"goes on after {done:,} of {self._rows:,} {noun} ({self.folder})")
                return dict(state)
            other = [name for name, value in self._facts.items() if facts.get(name) != value]
            why = f"with other {', '.join(other)}" if other else "and is damaged"
        except (IntegrityError, OSError, KeyError, TypeError, AttributeError):
            why = "and is damaged"
        say(f"begins anew: what is in {self.folder} was made {why}")
        return None


def _ours(folder: Path) -> None:
    """Raise :class:`ConflictError` for a folder, or a file, that no inference made: nobody's things are taken away."""
    names = {STATE, SCORES, LINES, OUTPUT, LOCK}
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        found = True
    else:
        found = folder.is_dir() and any(
            path.name not in names and not path.name.startswith(f".{STATE}.") for path in folder.iterdir()
        )
    if found:
        raise ConflictError(
            "no unfinished inference, and in the way of one", where=str(folder), hint="move it, or name another output"
        )
