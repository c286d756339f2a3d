"""From rows to the output: checked first, then answered chunk by chunk, kept when stopped, then written."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from runner import __version__
from runner.contract import AskedRows
from runner.errors import Interrupted, RunnerError, Stopped, UsageError
from runner.inference.opening import Opened, find_model, open_model
from runner.inference.task_options import read_options
from runner.runs.event_kinds import Event, ProgressEvent
from runner.store.files import write_json
from runner.tasks.answers import Answers, Form, Kept, OutputFormat
from runner.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np

    from runner.contract import AskOptions
    from runner.inference.seen_rows import Seen
    from runner.inference.unfinished_work import Work
    from runner.store.model_lookup import StoredModel

#: Rows that are answered at a time, rounded up to whole batches, and the most that are held at once.
CHUNK, LARGEST = 2048, 65_536
#: The flags that are options of a task, by the option's name.
FLAGS = {"models_to_score": "--models-to-score", "unknown": "--unknown", "responses_of": "--responses-of"}


class Terminated(BaseException):
    """SIGTERM, raised by its handler. No ``except Exception`` on the way swallows it."""


@dataclass(frozen=True)
class Question:
    """What is asked: which stored model, with which options of its task, and how. :func:`ask` makes it."""

    model: StoredModel
    options: AskOptions
    batch_size: int = 128
    device: str = "cpu"


class Sink(Protocol):
    """Something that takes text, and raises once nobody takes it from there."""

    def write(self, text: str, /) -> Any: ...

    def writelines(self, lines: Iterable[str], /) -> None: ...

    def flush(self) -> None: ...


@dataclass(frozen=True)
class Output:
    """Where the answers go: a file, or, without one, a stream."""

    path: Path | None
    form: OutputFormat
    stream: Sink | None = None
    #: Whether the file's name was made up: then it has to be said to go on with it.
    made_up: bool = False


def ask(
    workspace: Workspace,
    model: str,
    options: Mapping[str, Any] | None = None,
    *,
    batch_size: int = 128,
    device: str = "cpu",
) -> Question:
    """Find the model and read the options of its task.

    Raises :class:`~runner.errors.NotFoundError`, and :class:`UsageError` for what is wrong with the words alone.
    """
    from runner import registry

    if batch_size < 1:
        raise UsageError(f"the batch size is {batch_size}", where="--batch-size", hint="it is 1 or more")
    found = find_model(workspace, model, or_base=True)
    return Question(found, read_options(registry.task(found.model_type), options or {}, FLAGS), batch_size, device)


def infer(
    workspace: Workspace,
    question: Question,
    rows: AskedRows,
    output: Output,
    say: Callable[[str], None],
    emit: Callable[[Event], None],
    chunk: int = CHUNK,
    opened: Opened | None = None,
) -> dict[str, Any]:
    """Answer every row and write the output and, beside a file, its provenance, which is returned.

    ``opened`` is the question's model where it was opened already, and on the question's device.

    ``say`` gets warnings, ``emit`` progress events. Work towards a file is kept in ``<output>.partial`` while it is
    unfinished: the same question about the same rows goes on from there and ends with the same bytes. Raises
    :class:`Interrupted` or :class:`Stopped` where a signal ends it, and what reading, loading and writing raise.
    """
    started = time.perf_counter()
    work: Work | None = None
    try:
        rows.check()
        if rows.blank:
            say(f"{rows.name}: {rows.blank:,} blank line{'s' * (rows.blank > 1)} skipped")
        # A layout of another package may have none.
        for note in getattr(rows, "notes", ()):
            say(f"{rows.name}: {note}")
        # Answering needs numpy and a model: what can be told without is told by now.
        from runner.inference.seen_rows import REMEMBERED, Seen
        from runner.inference.unfinished_work import Work

        opened = opened or open_model(workspace, question.model, device=question.device)
        answers: Answers = opened.task.room("answers").open_answers(opened, question.options, say)
        form = answers.form(output.form)
        for warning in (*opened.warnings, *answers.warnings, *answers.warnings_of(rows)):
            say(f"warning: {warning}")
        answers.check(rows)
        size = min(-(-chunk // question.batch_size) * question.batch_size, LARGEST)
        if output.path is None:
            work = Work.without_folder(answers.width, rows.count)
        else:
            facts = _decisive(question, rows, opened, answers, output, size)
            work = Work.in_folder(_partial(output.path), facts, answers.width, rows.count, say, rows.noun)
        # A record is not kept where it could be found again: only a chunk's own rows are answered once.
        seen = Seen(REMEMBERED if answers.width else 0)
        _answer(answers, rows, work, seen, output, form, question.batch_size, size, emit)
        for sentence in answers.closing():
            say(sentence)
        provenance = _provenance(question, rows, opened, answers) | {
            f"distinct_{rows.noun}": seen.distinct,
            "resumed_from": work.resumed,
            "seconds": round(time.perf_counter() - started, 3),
        }
        _finish(work, rows, output, form, provenance)
    except BaseException as error:
        kept = work.leave() if work is not None else 0
        if isinstance(error, Terminated) or (isinstance(error, KeyboardInterrupt) and kept):
            raise _halted(error, kept, rows, output) from None
        if kept and isinstance(error, RunnerError):
            say(f"{kept:,} of {rows.count:,} {rows.noun} are done: {_go_on(output)}")
        raise
    return provenance


def provenance_path(output: Path) -> Path:
    """``<name>.provenance.json`` beside the output."""
    return output.with_name(output.stem + ".provenance.json")


def _answer(
    answers: Answers,
    rows: AskedRows,
    work: Work,
    seen: Seen,
    output: Output,
    form: Form,
    batch_size: int,
    size: int,
    emit: Callable[[Event], None],
) -> None:
    """All chunks that are not done yet. Those that are, are read again: what came in them is not answered twice."""
    total, start = rows.count, 0

    def progress(done: int) -> None:
        if total > size:
            emit(ProgressEvent(phase="scoring", unit=rows.noun, done=done, total=total))

    progress(work.done)
    for chunk in rows.chunks(size):
        fresh, origin = seen.place(chunk, start)
        if start >= work.done:
            asked = [chunk[at] for at in fresh]
            fresh_results = answers.answer(asked, batch_size) if asked else None
            results: Any
            if answers.width:
                results = _numbers(fresh_results, fresh, origin, start, work, answers.width)
            else:
                at = {start + place: number for number, place in enumerate(fresh)}
                results = [fresh_results[at[int(number)]] for number in origin] if fresh_results is not None else []
            text = form.lines(chunk, start, results)
            if output.stream is not None and form.grows:
                output.stream.write(text)
                output.stream.flush()
                text = ""
            work.add(len(chunk), results if answers.width else None, text.encode())
            progress(work.done)
        start += len(chunk)


def _numbers(
    results: np.ndarray | None, fresh: list[int], origin: np.ndarray, start: int, work: Work, width: int
) -> np.ndarray:
    """A chunk's numbers, ``[width, n]``: the fresh ones computed, the others as they came out the first time."""
    import numpy as np

    numbers = np.empty((width, len(origin)))
    if results is not None:
        numbers[:, fresh] = results
    again = origin >= start
    numbers[:, again] = numbers[:, origin[again] - start]
    numbers[:, ~again] = work.table.read(origin[~again])
    return numbers


def _finish(work: Work, rows: AskedRows, output: Output, form: Form, provenance: dict[str, Any]) -> None:
    """Write what can only be written at the end, put it into its place, and clear up."""
    from runner.inference import output_files
    from runner.inference import unfinished_work as working

    kept = Kept(work.table, work.lines, rows.count, rows.has_ids)
    if output.path is None:
        if output.stream is not None and not form.grows:
            output.stream.writelines(form.parts(kept))
        work.close()
        return
    work.finish()
    assert work.folder is not None
    # In the folder under a name of its own: an end that is cut short is begun again.
    aside, lines = work.folder / working.OUTPUT, work.folder / working.LINES
    if form.grows:
        output_files.put_in_place(output.path, None, lines)
    else:
        form.write_beside(output.path, kept)
        output_files.put_in_place(output.path, partial(form.write, kept=kept), aside)
    write_json(provenance_path(output.path), provenance | {"output": output.path.name})
    work.remove()


def _partial(output: Path) -> Path:
    return output.with_name(output.name + ".partial")


def _decisive(
    question: Question, rows: AskedRows, opened: Opened, answers: Answers, output: Output, size: int
) -> dict[str, Any]:
    """What decides every byte of the output. Work goes on only where all of it is the same."""
    return {
        "Runner version": __version__,
        "stored model": [opened.reference, opened.manifest.sha256],
        rows.noun: rows.fingerprint(),
        "batch size": [question.batch_size, size],
        "device": opened.device,
        "output format": output.form,
    } | answers.facts()


def _provenance(question: Question, rows: AskedRows, opened: Opened, answers: Answers) -> dict[str, Any]:
    return (
        {
            "model": opened.reference,
            "manifest_sha256": opened.manifest.sha256,
            "run": opened.manifest.run,
            "runner": __version__,
            "created": datetime.now().astimezone().isoformat(),
        }
        | answers.provenance()
        | rows.provenance()
        | {"batch_size": question.batch_size, "device": opened.device}
    )


def _go_on(output: Output) -> str:
    flag = f" with --output-path {output.path}" if output.made_up else ""
    return f"the same command{flag} goes on from there"


def _halted(error: BaseException, kept: int, rows: AskedRows, output: Output) -> RunnerError:
    """A signal's end, as the command line tells it."""
    kind = Interrupted if isinstance(error, KeyboardInterrupt) else Stopped
    word = "interrupted" if kind is Interrupted else "stopped"
    if not kept:
        return kind(f"{word} before any {rows.noun} were scored", hint="the same command begins anew")
    return kind(f"{word}: {kept:,} of {rows.count:,} {rows.noun} are done", hint=_go_on(output))
