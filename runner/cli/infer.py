"""``runner infer``"""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from runner.cli.output import say, show
from runner.cli.parameters import Dash, Json
from runner.cli.streams import ResultStream, standard_input
from runner.errors import UsageError
from runner.runs.event_hold import Hold
from runner.workspace import Workspace

if TYPE_CHECKING:
    from runner.contract import AskedRows
    from runner.runs.event_kinds import Event
    from runner.tracking.terminal import TerminalListener

Words = Parameter(consume_multiple=True, negative="")
Input = Parameter(name="--input", allow_leading_hyphen=True)
Settings = Parameter(name="--set", negative="")
Pair = Parameter(negative="", metavar="NAME FILE")


def infer(
    *,
    model: Annotated[str, Parameter(help="The stored model: TYPE/NAME, TYPE/NAME/vN, or ./FOLDER of an exported one.")],
    models_to_score: Annotated[list[str] | None, Words] = None,
    prompts: Annotated[list[str] | None, Words] = None,
    prompts_file: Annotated[Path | None, Dash] = None,
    prompts_format: Literal["text", "jsonl", "csv", "parquet", "conll"] | None = None,
    input_: Annotated[Path | None, Input] = None,
    responses_of: Annotated[list[tuple[str, Path]] | None, Pair] = None,
    batch_size: int = 128,
    output_path: Annotated[Path | None, Dash] = None,
    output_format: Literal["json", "jsonl", "parquet"] | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    unknown: Literal["zero", "null", "mean", "error"] | None = None,
    set_: Annotated[list[str] | None, Settings] = None,
    device: Literal["cpu", "cuda"] = "cpu",
    json: Json = False,
) -> None:
    """Answer rows with a stored model: score prompts, classify, predict.

    Example: runner infer --model dense_network/quickstart --models-to-score A B --prompts "P1" "P2"

    Example: runner infer --model dense_network/quickstart --prompts-file prompts.jsonl --output-path scores.jsonl

    Writes {"A": [score of P1, score of P2], "B": [...]}. What is stopped on the way to a file is kept beside it, in
    OUTPUT.partial, and the same command goes on from there.

    Parameters
    ----------
    models_to_score
        The LLMs to score: several words after one flag. Without it, or with "all": all that the model knows.
    prompts
        The prompts: several words after one flag. A prompt that begins with a dash is written --prompts=-...
    prompts_file
        A file of prompts: .txt, .jsonl or .parquet. With - or no flag at all, standard input.
        Text has a prompt a line, blank ones are skipped. A line of JSONL is a string, or an object with "prompt" or
        "messages" (role, content) and perhaps an "id"; Parquet has columns of these names.
    prompts_format
        What the file or standard input is, whatever its name or looks. Prompts of routers are text, jsonl or parquet.
    responses_of
        Score an LLM unseen in training, by what it answered: a .jsonl file of "prompt" and "response".
        Once for each such LLM.
    batch_size
        Prompts per batch.
    output_path
        Where the scores go: a file, or - for standard output.
        Without it, inference_outputs/TIMESTAMP_NAME.json.
    output_format
        json is the object above; jsonl has a line, parquet a row for each prompt, with its id.
        Without it, the suffix of --output-path decides.
    input_
        A file of rows: JSON Lines, CSV, Parquet, a folder or a glob of these, as the model's kind of data needs them.
    encoding
        The encoding of a table's text file. Without it, that of the data that the model was trained on.
    delimiter
        What separates the cells of a table's text file. Without it, what did in the data of the training.
    unknown
        What an LLM unseen in training gets: a score of zero (with a warning), null, what the mean of the known LLMs
        gets (mean, where a type has such a mean), or an error. Without it, zero.
    set_
        An option of the model's task, as KEY=VALUE: one word after each flag.
    device
        Where to compute.
    """
    gc.enable()
    from runner.inference import inferring, output_places, row_reading, task_options

    workspace = Workspace.current()
    form = output_places.form(output_path, output_format)
    to_stdout = output_places.is_stdout(output_path)
    if to_stdout and json and form != "json":
        raise UsageError(
            f"--json prints one document, and {form} is many", where="--output-format", hint="leave one out"
        )
    flags = {"models_to_score": models_to_score, "unknown": unknown}
    given: dict[str, Any] = {name: value for name, value in flags.items() if value is not None}
    given |= task_options.parse_settings(set_ or ())
    if responses_of:
        given["responses_of"] = [(name, str(file)) for name, file in responses_of]
    question = inferring.ask(workspace, model, given, batch_size=batch_size, device=device)
    found = question.model
    path = None if to_stdout else output_places.reserve(workspace, output_path, found.name, form)
    for read in (prompts_file, input_, *question.options.files()):
        output_places.keep_apart(path, read)
    output = inferring.Output(path, form, ResultStream() if path is None else None, made_up=output_path is None)
    try:
        if input_ is not None and (prompts is not None or prompts_file is not None):
            other = "--prompts" if prompts is not None else "--prompts-file"
            raise UsageError(f"--input and {other} do not go together", where="--input", hint="leave one out")
        reading = row_reading.reading_of(found, words=prompts is not None, encoding=encoding, delimiter=delimiter)
        asked = asked_rows(reading.layout, prompts, prompts_file or input_, prompts_format, **reading.told)
        with (
            closing(asked),
            progress_shown() as emit,
            sigterm_raises(inferring.Terminated if path is not None else None),
        ):
            provenance = inferring.infer(workspace, question, asked, output, say, emit)
    except BaseException:
        if path is not None and output.made_up:
            path.unlink(missing_ok=True)
        raise
    if path is None:
        return
    document: dict[str, Any] = {"output_path": str(path), "provenance": provenance}
    if json and form == "json":
        from runner.store.files import read_json

        document = {"output_path": str(path), "scores": read_json(path), "provenance": provenance}
    show(document, f"{path}\n{inferring.provenance_path(path)}", as_json=json, kept=f"the scores are in {path}")


def asked_rows(layout: str, words: list[str] | None, file: Path | None, format: Any = None, **told: Any) -> AskedRows:
    """The rows that the flags name, or that are piped in, as the layout reads them."""
    import importlib

    reader = importlib.import_module(layout)
    if words is not None:
        other = "--prompts-file" if file is not None else "--prompts-format" if format is not None else None
        if other:
            raise UsageError(f"--prompts and {other} do not go together", where="--prompts", hint="leave one out")
        return reader.from_words(words, **told)
    if file is not None and str(file) not in ("-", "/dev/stdin"):
        return reader.from_file(file, format, **told)
    nothing = UsageError(reader.NOTHING, where=reader.WHERE, hint=reader.HOW)
    if sys.stdin is None or (file is None and sys.stdin.isatty()):
        raise nothing
    piped: AskedRows = reader.from_pipe(standard_input(), format, **told)
    if file is None and piped.empty:
        piped.close()
        raise nothing
    return piped


@contextmanager
def progress_shown() -> Iterator[Callable[[Event], None]]:
    """Something that shows progress events, and is loaded with the first one: few inferences have any."""
    listener: TerminalListener | None = None
    hold = Hold.asked()

    def emit(event: Event) -> None:
        nonlocal listener
        if listener is None:
            from runner.tracking.terminal import TerminalListener

            listener = TerminalListener(sys.stderr)
        listener.handle(event)
        if hold is not None:
            hold.reached(event.event)

    try:
        yield emit
    finally:
        if listener is not None:
            listener.close()


@contextmanager
def sigterm_raises(raises: type[BaseException] | None) -> Iterator[None]:
    """SIGTERM as an exception, so that what is done is kept. None lets it end the process; ignored, it stays so."""
    if raises is None or signal.getsignal(signal.SIGTERM) is signal.SIG_IGN:
        yield
        return

    def stop(*_: object) -> None:
        raise raises

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
