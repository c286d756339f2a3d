"""``runner train``"""

from __future__ import annotations

import gc
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from runner.cli.output import fault_text, say, show
from runner.cli.parameters import Dash, Json
from runner.cli.train_words import announce, ending, read_spec
from runner.errors import UsageError
from runner.workspace import Workspace

if TYPE_CHECKING:
    from runner.execution.train_and_resume import Finished
    from runner.spec.checking import LoadedSpec
    from runner.tracking.terminal import TerminalListener


def train(
    *further: Annotated[Path, Dash, Parameter(help="More files after --spec-file FILE: the specs of a chain.")],
    spec_file: Annotated[Path | None, Dash] = None,
    resume: str | None = None,
    allow_changed_data: Annotated[bool, Parameter(negative="")] = False,
    executor: Literal["auto", "local", "docker", "slurm", "ray", "kubernetes"] | None = None,
    detach: Annotated[bool, Parameter(negative="")] = False,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    interactive: Annotated[bool, Parameter(negative="")] = False,
    anyway: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
) -> int | None:
    """Train a model from a spec: a file, or standard input. Of several files, each after those whose models it names.

    Example: runner train --spec-file specs/quickstart.json

    Example: cat spec.json | runner train

    Example: runner train --spec-file specs/elo_scoring.json specs/least_squares_scoring.json

    Parameters
    ----------
    spec_file
        The spec. Without it, standard input is read. Several files are a chain: all are checked before the first is
        trained, a spec whose start_state, base_model or load_embedding_model_from names another's model comes after
        it, and the first failure ends it.
    resume
        Go on with this run (an id, a part of one, or "last") from its last checkpoint. With --spec-file, the
        spec may differ from the run's in fields such as epochs; a change that may not be is refused by name.
    allow_changed_data
        With --resume: go on although the data is not what the run began with. Both fingerprints are then in the
        model's lock.
    executor
        Where to run; overrides the spec's run.executor. auto: Docker where an engine answers, else a local process.
        slurm, ray, kubernetes: as run.engine says.
    detach
        Of a run on an engine: leave when it is submitted. It goes on there; --resume follows it again.
    dry_run
        Print what would happen, with every value's origin, and start nothing. Of a chain: its order.
    interactive
        Ask for what is not there, as `runner new` does, then train. At a terminal, so does a command without a spec,
        and one whose spec lacks what is required.
    anyway
        Begin although the training will not fit this machine's memory or disk, which is otherwise refused.
    """
    workspace = Workspace.current()
    if interactive and (further or resume is not None or dry_run or json):
        raise UsageError("--interactive asks for one spec, and trains it", hint="leave the other flags out")
    if interactive or not (further or resume is not None or dry_run or json):
        from runner.cli.conversing import ask_for_spec, hold

        if ask_for_spec(spec_file, interactive=interactive):
            held = hold([], spec=spec_file)
            if not isinstance(held, Path):
                return held
            spec_file = held
    if further:
        if detach:
            raise UsageError("--detach submits one spec, and leaves", hint="leave the other files out")
        from runner.cli.train_chain import train_chain

        if spec_file is None:
            raise UsageError(
                f"which flag is {further[0]} for?",
                hint=f"runner train --spec-file {shlex.join(map(str, further))}",
            )
        if resume is not None:
            raise UsageError("--resume goes on with one run", hint="resume it alone, then train the rest of the chain")
        return train_chain([spec_file, *further], workspace, executor, dry_run=dry_run, as_json=json, anyway=anyway)
    if allow_changed_data and resume is None:
        raise UsageError("--allow-changed-data is for --resume", hint="a run that begins has no other data yet")
    if dry_run and anyway:
        raise UsageError("--dry-run begins nothing: it tells whether the training fits", hint="leave --anyway out")
    if detach and (resume is not None or dry_run):
        raise UsageError("--detach submits one spec, and leaves", hint="leave the other flags out")
    if dry_run and resume is not None:
        raise UsageError("--dry-run and --resume do not go together")
    loaded = read_spec(spec_file) if resume is None or spec_file is not None else None
    if loaded is not None:
        for warning in loaded.warnings:
            say(fault_text(warning, loaded.document.source, "warning: "))
    if dry_run:
        from runner.cli.train_dry_run import explain

        assert loaded is not None
        explain(loaded, workspace, executor, as_json=json)
        return None

    from runner.execution import train_and_resume

    gc.enable()
    if detach:
        from runner.cli.remote import left

        assert loaded is not None
        run = train_and_resume.leave(loaded, workspace, executor=executor, anyway=anyway, announce=announce)
        left(run, as_json=json)
        return None
    if resume is None:
        assert loaded is not None
        train_loaded(loaded, workspace, executor=executor, anyway=anyway, as_json=json)
        return None
    with _listening(loaded.spec.log.print_every if loaded else 1) as listener:
        finished = train_and_resume.resume(
            resume,
            workspace,
            changed=loaded,
            executor=executor,
            allow_changed_data=allow_changed_data,
            anyway=anyway,
            listeners=[listener],
            announce=announce,
        )
    _ended(finished, json)
    return None


def train_loaded(
    loaded: LoadedSpec,
    workspace: Workspace,
    *,
    executor: str | None = None,
    anyway: bool = False,
    as_json: bool = False,
    command: str | None = None,
) -> None:
    """Train a spec that was read, and say what came of it. ``command``: what to type next, if not what its task says.

    Raises what a training raises.
    """
    from runner.execution import train_and_resume

    gc.enable()
    with _listening(loaded.spec.log.print_every) as listener:
        finished = train_and_resume.train(
            loaded, workspace, executor=executor, anyway=anyway, listeners=[listener], announce=announce
        )
    _ended(finished, as_json, command)


@contextmanager
def _listening(print_every: int) -> Iterator[TerminalListener]:
    from runner.tracking.terminal import TerminalListener

    listener = TerminalListener(sys.stderr, print_every=print_every)
    try:
        yield listener
    finally:
        listener.close()


def _ended(finished: Finished, as_json: bool, command: str | None = None) -> None:
    for line in finished.notes:
        say(line)
    kept = f"stored as {finished.model.reference}"
    show(finished.as_dict(), lambda: ending(finished, command), as_json=as_json, kept=kept)
