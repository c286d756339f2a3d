"""The road from prompts to the output: checked first, then scored chunk by chunk, kept when stopped, then written."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from runner import __version__
from runner.data.prompt_rows import Row
from runner.data.prompts import Prompts
from runner.errors import Interrupted, RunnerError, Stopped, UsageError
from runner.inference.opening import Scorer, Unknown, check_names
from runner.inference.output_places import OutputFormat
from runner.store.files import write_json
from runner.tasks.ranking.responses import Responses
from runner.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np

    from runner.inference.seen_rows import Seen
    from runner.inference.unfinished_work import Work

#: Prompts that are scored at a time, rounded up to whole batches, and the most that are held at once.
CHUNK, LARGEST = 2048, 65_536


class Terminated(BaseException):
    """SIGTERM, raised by its handler. No ``except Exception`` on the way swallows it."""


@dataclass(frozen=True)
class Question:
    """What is asked: which stored model, about which LLMs (None: all that it knows), and how."""

    model: str
    models: Sequence[str] | None
    responses: Sequence[Responses] = ()
    batch_size: int = 128
    unknown: Unknown = "zero"
    device: str = "cpu"


@dataclass(frozen=True)
class Output:
    """Where the scores go: a file, or, without one, a stream."""

    path: Path | None
    form: OutputFormat
    stream: TextIO | None = None
    #: Whether the file's name was made up: then it has to be said to go on with it.
    made_up: bool = False


def check(question: Question) -> None:
    """Raise :class:`UsageError` for what is wrong with the words alone."""
    check_names(question.models)
    if question.batch_size < 1:
        raise UsageError(f"the batch size is {question.batch_size}", where="--batch-size", hint="it is 1 or more")


def infer(
    workspace: Workspace,
    question: Question,
    prompts: Prompts,
    output: Output,
    say: Callable[[str], None],
    emit: Callable[[Mapping[str, Any]], None],
    chunk: int = CHUNK,
) -> dict[str, Any]:
    """Score every LLM on every prompt and write the output and, beside a file, its provenance, which is returned.

    ``say`` gets warnings, ``emit`` progress events. Work towards a file is kept in ``<output>.partial`` while it is
    unfinished: the same question about the same prompts goes on from there and ends with the same bytes. Raises
    :class:`Interrupted` or :class:`Stopped` where a signal ends it, and what reading, loading and writing raise.
    """
    started = time.perf_counter()
    work: Work | None = None
    try:
        check(question)
        prompts.check()
        if prompts.blank:
            say(f"{prompts.name}: {prompts.blank:,} blank line{'s' * (prompts.blank > 1)} skipped")
        # Scoring needs numpy and a model: what can be told without is told by now.
        from runner.inference.output_files import check_columns
        from runner.inference.seen_rows import Seen
        from runner.inference.unfinished_work import Work

        scorer = Scorer.open(
            workspace,
            question.model,
            question.models,
            question.responses,
            unknown=question.unknown,
            device=question.device,
        )
        check_columns(output.form, scorer.names)
        for warning in [*scorer.warnings, *scorer.untagged(prompts)]:
            say(f"warning: {warning}")
        size = min(-(-chunk // question.batch_size) * question.batch_size, LARGEST)
        models, total = len(scorer.names), prompts.count
        if output.path is None:
            work = Work.without_folder(models, total)
        else:
            facts = _decisive(question, prompts, scorer, output, size)
            work = Work.in_folder(_partial(output.path), facts, models, total, say)
        seen = Seen()
        _score(scorer, prompts, work, seen, output, question.batch_size, size, emit)
        provenance = _provenance(question, prompts, scorer) | {
            "distinct_prompts": seen.distinct,
            "resumed_from": work.resumed,
            "seconds": round(time.perf_counter() - started, 3),
        }
        _finish(work, scorer, prompts, output, provenance)
    except BaseException as error:
        kept = work.leave() if work is not None else 0
        if isinstance(error, Terminated) or (isinstance(error, KeyboardInterrupt) and kept):
            raise _halted(error, kept, prompts.count, output) from None
        if kept and isinstance(error, RunnerError):
            say(f"{kept:,} of {prompts.count:,} prompts are done: {_go_on(output)}")
        raise
    return provenance


def provenance_path(output: Path) -> Path:
    """``<name>.provenance.json`` beside the output."""
    return output.with_name(output.stem + ".provenance.json")


def _score(
    scorer: Scorer,
    prompts: Prompts,
    work: Work,
    seen: Seen,
    output: Output,
    batch_size: int,
    size: int,
    emit: Callable[[Mapping[str, Any]], None],
) -> None:
    """All chunks that are not done yet. Those that are, are read again: what came in them is not scored twice."""
    from runner.inference.output_files import lines

    total, start = prompts.count, 0

    def progress(done: int) -> None:
        if total > size:
            emit({"event": "progress", "phase": "scoring", "unit": "prompts", "done": done, "total": total})

    progress(work.done)
    for rows in prompts.chunks(size):
        fresh, origin = seen.place(rows, start)
        if start >= work.done:
            scores = _scores(scorer, rows, fresh, origin, start, work, batch_size)
            text = lines(output.form, rows, start, scorer.names, scores, scorer.fill)
            if output.stream is not None:
                output.stream.write(text)
                output.stream.flush()
            work.add(scores, text.encode() if output.path is not None else b"")
            progress(work.done)
        start += len(rows)


def _scores(
    scorer: Scorer, rows: list[Row], fresh: list[int], origin: np.ndarray, start: int, work: Work, batch_size: int
) -> np.ndarray:
    """A chunk's scores, ``[models, n]``: the fresh ones computed, the others as they came out the first time."""
    import numpy as np

    scores = np.empty((len(scorer.names), len(rows)))
    if fresh:
        scores[:, fresh] = scorer.score([rows[at] for at in fresh], batch_size)
    again = origin >= start
    scores[:, again] = scores[:, origin[again] - start]
    scores[:, ~again] = work.table.read(origin[~again])
    return scores


def _finish(work: Work, scorer: Scorer, prompts: Prompts, output: Output, provenance: dict[str, Any]) -> None:
    """Write what can only be written at the end, put it into its place, and clear up."""
    from runner.inference import output_files
    from runner.inference import unfinished_work as working

    scores = output_files.Scores(work.table, scorer.names, prompts.count, scorer.fill)
    if output.path is None:
        if output.form == "json" and output.stream is not None:
            output.stream.writelines(output_files.object_parts(scores))
        work.close()
        return
    work.finish()
    assert work.folder is not None
    # In the folder under a name of its own: an end that is cut short is begun again.
    aside = work.folder / working.OUTPUT
    kept = work.folder / working.LINES
    if output.form == "jsonl":
        output_files.put_in_place(output.path, None, kept)
    elif output.form == "parquet":
        write = partial(output_files.write_parquet, scores=scores, ids=kept, with_ids=prompts.has_ids)
        output_files.put_in_place(output.path, write, aside)
    else:
        output_files.put_in_place(output.path, partial(output_files.write_object, scores=scores), aside)
    write_json(provenance_path(output.path), provenance | {"output": output.path.name})
    work.remove()


def _partial(output: Path) -> Path:
    return output.with_name(output.name + ".partial")


def _decisive(question: Question, prompts: Prompts, scorer: Scorer, output: Output, size: int) -> dict[str, Any]:
    """What decides every byte of the output. Work goes on only where all of it is the same."""
    return {
        "Runner version": __version__,
        "stored model": [scorer.stored.reference, scorer.manifest["sha256"]],
        "models to score": scorer.names,
        "responses": {one.name: one.facts() for one in question.responses},
        "prompts": [prompts.format, prompts.count, prompts.sha256 or prompts.prompts_sha256],
        "batch size": [question.batch_size, size],
        "rule for unknown LLMs": question.unknown,
        "device": scorer.device,
        "output format": output.form,
    }


def _provenance(question: Question, prompts: Prompts, scorer: Scorer) -> dict[str, Any]:
    return {
        "model": scorer.stored.reference,
        "manifest_sha256": scorer.manifest["sha256"],
        "run": scorer.manifest.get("run"),
        "runner": __version__,
        "created": datetime.now().astimezone().isoformat(),
        "known_models": [name for name in scorer.names if name not in scorer.strangers],
        "unknown_models": scorer.strangers,
        "responses": {one.name: one.facts() for one in question.responses},
        "unknown": question.unknown,
        "prompts": prompts.count,
        "prompts_sha256": prompts.prompts_sha256,
        "prompts_file": prompts.facts(),
        "batch_size": question.batch_size,
        "device": scorer.device,
    }


def _go_on(output: Output) -> str:
    flag = f" with --output-path {output.path}" if output.made_up else ""
    return f"the same command{flag} goes on from there"


def _halted(error: BaseException, kept: int, total: int, output: Output) -> RunnerError:
    """A signal's end, as the command line tells it."""
    kind = Interrupted if isinstance(error, KeyboardInterrupt) else Stopped
    word = "interrupted" if kind is Interrupted else "stopped"
    if not kept:
        return kind(f"{word} before any prompts were scored", hint="the same command begins anew")
    return kind(f"{word}: {kept:,} of {total:,} prompts are done", hint=_go_on(output))
