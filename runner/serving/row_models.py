"""Stored models of any task, asked rows: the document that ``runner infer`` writes, and vectors as ``/v1`` has them."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydantic import ValidationError

from runner.contract import Task
from runner.contract.quantities import counted
from runner.errors import RunnerError
from runner.inference import inferring
from runner.inference.opening import Opened
from runner.inference.row_reading import RowReading, reading_of
from runner.inference.task_options import read_options
from runner.serving.completions import Refusal, Served
from runner.serving.one_thread_work import Turns
from runner.serving.own_memory import OwnMemory
from runner.workspace import Workspace

#: What is asked of a model to see whether it answers: those that read texts do.
PROBE = "Hello"


@dataclass
class RowModel:
    """One stored model under a name. One question is answered at a time, others wait in their order."""

    name: str
    opened: Opened
    workspace: Workspace
    created: int
    #: Questions that may wait, and rows of a question at most.
    waiting: int = 64
    most_rows: int = 1024
    _asked: int = field(default=0, init=False)
    _warm: bool = field(default=False, init=False)
    #: Whether something else tells that it answers: a language model's own probe.
    tried: bool = False
    _turns: Turns = field(init=False)
    #: How its rows are read. Its folder may be another one, or none, by the time that a row comes.
    _reading: RowReading = field(init=False)

    def __post_init__(self) -> None:
        self._turns = Turns(f"rows of {self.name}")
        self._reading = reading_of(self.opened.stored)

    @property
    def embeds(self) -> bool:
        """Whether it gives texts vectors."""
        return bool(getattr(self.opened.predictor_class, "embeds", False)) and hasattr(
            self.opened.predictor_class, "lengths"
        )

    def served(self) -> Served:
        """As ``/v1/models`` lists it."""
        does = {"infer"} | ({"embeddings"} if self.embeds else set())
        return Served(self.name, self.opened.reference, self.created, frozenset(does))

    def load(self, memory: OwnMemory) -> None:
        """Have its weights in memory, and no file of theirs be read any more."""
        memory.keep_model(self.opened)

    async def answer(self, rows: Sequence[Any], options: Mapping[str, Any], batch_size: int = 128) -> dict[str, Any]:
        """What ``runner infer`` writes of these rows, with the model and what was odd about them. Raises
        :class:`Refusal` that names what is wrong."""
        if not rows or len(rows) > self.most_rows:
            raise Refusal(
                400 if not rows else 413,
                f"rows has {counted(len(rows), 'rows')}: a question has 1 to {self.most_rows:,}",
                param="rows",
                code="invalid_value",
            )
        return await self._in_turn(lambda: self._answered(rows, options, batch_size))

    async def vectors(self, texts: Sequence[str], dimensions: int | None, side: str) -> tuple[np.ndarray, int]:
        """Texts as vectors, float32 ``[n, width]``, and the tokens that they have."""
        return await self._in_turn(lambda: self._vectors(texts, dimensions, side))

    async def warm(self) -> None:
        """Answer a row, once; a model that has to be asked something else than a text has its weights loaded."""
        if not (self._warm or self.tried):
            await self._in_turn(self._probed)
            self._warm = True

    # ---- Inside

    async def _in_turn(self, work: Any) -> Any:
        if self._asked > self.waiting:
            raise Refusal(
                429,
                f"{self.name} has {counted(self._asked, 'questions')} in line",
                code="queue_full",
                retry_after=1,
            )
        self._asked += 1
        try:
            return await self._turns.take(work)
        except RunnerError as error:
            raise refusal_of(error) from error
        finally:
            self._asked -= 1

    def _probed(self) -> None:
        try:
            self._answered([PROBE], {}, 1)
        except (RunnerError, Refusal):
            # It reads no texts: that it is loaded is all that can be tried.
            return

    def _answered(self, rows: Sequence[Any], options: Mapping[str, Any], batch_size: int) -> dict[str, Any]:
        stored = self.opened.stored
        _need_no_files(self.opened.task, options)
        read = read_options(self.opened.task, options)
        question = inferring.Question(stored, read, batch_size, self.opened.device)
        reading = self._reading
        # What a text is to a reader: a row as it stands (""), a field of an object, or nothing.
        text_field = getattr(reading.reader, "TEXT_FIELD", None)
        lines = b"".join(self._line(row, at, text_field) for at, row in enumerate(rows))
        told, out = list[str](), io.StringIO()
        with tempfile.TemporaryDirectory(prefix="runner-serve-") as nothing:
            words = reading.told
            if getattr(reading.reader, "NAMES_FILES", False):
                # No file of this machine is read because a request names it.
                words = words | {"folder": nothing}
            with closing(reading.reader.from_pipe(io.BytesIO(lines), "jsonl", name="rows", **words)) as asked:
                inferring.infer(
                    self.workspace,
                    question,
                    asked,
                    inferring.Output(None, "json", out),
                    told.append,
                    lambda event: None,
                    opened=self.opened,
                )
        document: dict[str, Any] = json.loads(out.getvalue())
        return {"model": self.opened.reference, "warnings": told, "answers": document}

    def _line(self, row: Any, at: int, text_field: str | None) -> bytes:
        place = f"rows[{at}]"
        if not isinstance(row, str | dict):
            raise Refusal(400, f"{place} is neither a text nor an object", param=place, code="invalid_value")
        if isinstance(row, str) and text_field != "":
            if text_field is None:
                said = f"{place} is a text, and {self.name} reads objects, with the fields of its training"
                raise Refusal(400, said, param=place, code="invalid_value")
            row = {text_field: row}
        return json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"

    def _vectors(self, texts: Sequence[str], dimensions: int | None, side: str) -> tuple[np.ndarray, int]:
        predictor = self.opened.predictor
        if dimensions is not None and dimensions > predictor.width:
            raise Refusal(
                400, f"a vector of {self.name} has {predictor.width} numbers", param="dimensions", code="invalid_value"
            )
        lengths = predictor.lengths(texts, side)
        for at, length in enumerate(lengths):
            if length > predictor.longest:
                raise Refusal(
                    400,
                    f"input[{at}] has {counted(length, 'tokens')}, and {self.name} reads {predictor.longest:,}: "
                    "shorten it",
                    param=f"input[{at}]",
                    code="context_length_exceeded",
                )
        return predictor.encode(texts, 32, dimensions, side), sum(lengths)


def _need_no_files(task: Task, options: Mapping[str, Any]) -> None:
    """Raise :class:`Refusal` for options that name files, before one is looked for."""
    try:
        named = task.options.model_validate(dict(options)).files()
    except ValidationError:
        # What is wrong with them is said by who reads them.
        return
    if named:
        raise Refusal(
            400, "an option names a file of the server's, which no request reads", param="options", code="no_files"
        )


def refusal_of(error: RunnerError) -> Refusal:
    """What a question was refused for, as the wire has it."""
    where, asked = error.where or "", error.kind in ("usage", "data", "conflict", "not found")
    if where.startswith("--"):
        # A flag of the command line: here it is an option.
        name = where.removeprefix("--set").partition("=")[0].strip()
        where, place = name or "options", ""
    else:
        place = f"{where}: " if where else ""
    said = f"{place}{error.message}" + (f": {error.hint}" if error.hint else "")
    code = "invalid_value" if asked else "failed"
    return Refusal(400 if asked else 500, said, param=where or None if asked else None, code=code)
