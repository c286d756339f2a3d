"""One model, one running batch: requests join it and leave it between two tokens."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from runner.contract import Task
from runner.errors import UsageError
from runner.generation.model_opening import open_answerer
from runner.generation.reply import Reader, Reply
from runner.inference.task_options import read_options
from runner.workspace import Workspace, absolute, current_folder

Piece = TypeVar("Piece")
Whole = TypeVar("Whole")
#: Lines that are decoded at a time.
ROWS = 32


class Engine:
    """Decodes the requests of all who have it, from any thread. Made by :meth:`open`.

    A line's text is what it is alone: the likeliest tokens, or what is drawn by its own seed. Sums of a batch come in
    another order than those of a single line, so where two tokens are as likely but for the last digits, the other one
    may be taken; with ``rows=1`` every line is computed alone, to the last digit.

    There is a thread while there is work, and none else. :meth:`close`, or the end of a ``with``, gives up what is not
    over; an engine that nobody has any more needs none of them.
    """

    def __init__(self, answerer: Any, task: Task, model: str, *, rows: int = ROWS, warnings: list[str] | None = None):
        if rows < 1:
            raise UsageError("no line would ever be decoded", where="rows", hint="at least 1")
        self.answerer, self.task = answerer, task
        #: ``type/name/vN`` of a stored model, else the name or folder that was given.
        self.model = model
        #: What is odd about how it was opened, a sentence each.
        self.warnings = list(warnings or [])
        #: Lines that are decoded at a time.
        self.rows = rows
        self._lock = threading.Lock()
        self._decoding = answerer.decoding(rows)
        #: Lines that the thread has not seen yet, and those that are to be made no more of.
        self._arrived: list[Any] = []
        self._given_up: set[Any] = set()
        self._replies: dict[Any, Reply[Any, Any]] = {}
        self._thread: threading.Thread | None = None
        #: How many are gathering lines that are to begin together.
        self._gathering = 0
        self._closed = False

    @classmethod
    def open(cls, model: str | Path, *, rows: int = ROWS, device: str = "cpu", root: Path | str | None = None) -> Self:
        """Load a language model.

        Args:
            model: a stored one (``type/name``, ``type/name/vN``, or the path of an exported one), or one that was not
                trained here: a Hub name, or the path of its folder.
            rows: how many lines are decoded at a time; others wait for their turn, in their order.
            device: ``cpu``, ``cuda``, or ``auto``.
            root: where ``models/`` is; without it, the workspace of the command line.

        Raises:
            RunnerError: ``NotFoundError`` for a model that is not there, ``ConflictError`` for one that makes no texts.
        """
        workspace = Workspace.current() if root is None else Workspace.below(absolute(root, current_folder()))
        answerer, task, name, warnings = open_answerer(workspace, str(model), device)
        return cls(answerer, task, name, rows=rows, warnings=warnings)

    @property
    def converses(self) -> bool:
        """Whether it has a template for conversations; else it goes on with texts and tokens."""
        return bool(self.answerer.converses)

    @property
    def tokenizer(self) -> Any:
        """The model's, of transformers."""
        return self.answerer.tokenizer

    def options(self, given: Mapping[str, Any]) -> Any:
        """Options of generation, checked. Raises :class:`UsageError` for one that there is not, or has no effect."""
        options: Any = read_options(self.task, given)
        if options.num_beams > 1:
            raise UsageError(
                "beams are searched together, not decoded token by token",
                where="num_beams",
                hint="leave it out; `runner infer` takes it",
            )
        return options

    def submit(self, line: Any, reader: Reader[Piece, Whole]) -> Reply[Piece, Whole]:
        """Begin to answer a line of ``answerer.line``. Raises :class:`UsageError` once the engine is closed."""
        reply = Reply(line, reader, lambda: self._give_up(line))
        with self._lock:
            if self._closed:
                raise UsageError("the engine is closed", hint="open another")
            self._replies[line] = reply
            self._arrived.append(line)
            self._begin()
        return reply

    @contextmanager
    def together(self) -> Iterator[None]:
        """Lines that are submitted within are fed in one step, as far as there is room, where the engine was at rest.

        Else the first one would begin alone, and the others a step later.
        """
        with self._lock:
            self._gathering += 1
        try:
            yield
        finally:
            with self._lock:
                self._gathering -= 1
                self._begin()

    @property
    def unanswered(self) -> int:
        """Requests that are not over, those that wait included."""
        return len(self._replies)

    def close(self) -> None:
        """Give up all that is not over, and take nothing more."""
        with self._lock:
            self._closed = True
            replies, thread = list(self._replies.values()), self._thread
        for reply in replies:
            reply.cancel()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ---- Inside

    def _begin(self) -> None:
        """With the lock: see to it that there is a thread, if there is work for one."""
        if self._replies and self._thread is None and not self._gathering:
            self._thread = threading.Thread(target=self._work, name=f"engine of {self.model}", daemon=True)
            self._thread.start()

    def _give_up(self, line: Any) -> None:
        # The thread lets go of it before its next step.
        with self._lock:
            self._given_up.add(line)

    def _work(self) -> None:
        """Step after step, until there is nothing to do."""
        told: list[Any] = []
        while True:
            try:
                for line in told:
                    self.answerer.watch(line)
                    if not line.done:
                        self._replies[line].grew()
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised where the answers are read
                self._fail(error)
            self._let_go()
            with self._lock:
                self._decoding.join(self._arrived)
                self._arrived.clear()
                if not self._replies:
                    self._thread = None
                    return
            try:
                told = self._decoding.step()
            except BaseException as error:  # noqa: BLE001 - as above
                told = []
                self._fail(error)

    def _let_go(self) -> None:
        """End the replies whose lines are done, or given up."""
        with self._lock:
            cut = {line for line in self._given_up if line in self._replies and not line.done}
            self._given_up.clear()
            for line in cut:
                line.done = True
            over = {line: self._replies.pop(line) for line in list(self._replies) if line.done}
        for line, reply in over.items():
            reply.ended(interrupted=line in cut)

    def _fail(self, error: BaseException) -> None:
        """What is decoded now ends with an error; what comes later is decoded anew."""
        with self._lock:
            waiting = set(self._arrived)
            replies = [self._replies.pop(line) for line in list(self._replies) if line not in waiting]
            self._decoding = self.answerer.decoding(self.rows)
        for reply in replies:
            reply.ended(error)
