"""``runner quickstart``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from runner.cli.output import say
from runner.cli.parameters import Json
from runner.cli.program_name import as_called
from runner.errors import ExitCode, UsageError
from runner.workspace import Workspace, current_folder


def quickstart(
    *,
    for_: Annotated[str | None, Parameter(name="--for")] = None,
    yes: Annotated[bool, Parameter(negative="")] = False,
    plain: Annotated[bool, Parameter(negative="")] = False,
    executor: Literal["auto", "local", "docker"] | None = None,
    json: Json = False,
) -> int | None:
    """Train a first model here: sample data, a document to train on it, and the training itself.

    Example: runner quickstart --for router

    On a terminal it asks what the model is for. It writes into the current folder, and overwrites nothing.

    Parameters
    ----------
    for_
        What the model is for: router, chat, classifier or table. Nothing is asked then.
    yes
        Ask nothing: a router, where --for says nothing else.
    plain
        Ask by numbered lines, where arrow keys are no help.
    executor
        Where to train; without it, a container where an engine answers.
    """
    from runner.wizard import quickstart as starts
    from runner.wizard import terminal

    if for_ is not None:
        purpose = starts.purpose_of(for_)
    elif yes:
        purpose = starts.PURPOSES[starts.DEFAULT]
    elif terminal.interactive():
        purpose = starts.ask(terminal.asker(plain=plain))
    else:
        raise UsageError(
            f"nobody can be asked what the model is for: {terminal.why_not()}",
            where="--for",
            hint=f"runner quickstart --for {'|'.join(starts.PURPOSES)}, or --yes for a {starts.DEFAULT}",
        )
    folder = current_folder()
    for path in starts.write(purpose, folder):
        say(f"wrote {path.relative_to(folder)}")
    file = Path(purpose.file)
    words = "pipeline run" if purpose.is_pipeline else "train --spec-file"
    say(f"{as_called()} {words} {file}")
    # What a task says to type next may name a file of the reader's own, which nobody has in a first folder.
    then = None if purpose.then is None else f"{as_called()} {purpose.then}"
    if not purpose.is_pipeline:
        from runner.cli.train import train_loaded
        from runner.spec.checking import load_file

        train_loaded(load_file(file), Workspace.current(), executor=executor, as_json=json, command=then)
        return None
    from runner.cli.pipeline import run

    code: int | None = run(file, executor=executor, json=json)
    if code in (None, ExitCode.DONE) and then is not None and not json:
        print(then)
    return code
