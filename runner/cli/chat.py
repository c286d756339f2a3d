"""``runner chat``"""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from runner.cli.output import say
from runner.errors import ConflictError, RunnerError
from runner.workspace import Workspace

Settings = Parameter(name="--set", negative="")
HELP = """/reset begins anew, /system TEXT says what goes before, /set KEY=VALUE changes an option, /options shows them,
/save FILE and /load FILE keep a conversation and take it up again, /quit or Ctrl-D ends. Ctrl-C ends an answer."""


def chat(
    model: Annotated[str, Parameter(help="The stored model: TYPE/NAME, or TYPE/NAME/vN.")],
    *,
    system: Annotated[str | None, Parameter(help="What the system says before the conversation.")] = None,
    load: Annotated[Path | None, Parameter(help="A conversation that was saved, to be taken up again.")] = None,
    set_: Annotated[list[str] | None, Settings] = None,
    device: Literal["cpu", "cuda"] = "cpu",
) -> None:
    """Talk with a stored language model. Answers come as they are made; Ctrl-C ends one, not the session.

    Lines of a pipe are turns as well: echo "Hi" | runner chat sft/tutor

    Example: runner chat sft/tutor --set temperature=0.7 --system "Be brief."

    Parameters
    ----------
    set_
        An option of generation, as KEY=VALUE: one word after each flag.
    device
        Where to compute.
    """
    gc.enable()
    from runner.inference import opening
    from runner.inference.chat_session import ChatSession

    opened = opening.open_model(Workspace.current(), model, device=device)
    options = opening.read_options(opened.task, opening.parse_settings(set_ or ()))
    if not hasattr(opened.predictor_class, "stream"):
        raise ConflictError(
            f"{opened.reference} is a model of {opened.task.name}, which does not talk",
            hint="name a model of generation, such as one of type sft",
        )
    session = ChatSession(opened.predictor, opened.task, options, system)
    if load is not None:
        session.load(load)
    for warning in opened.warnings:
        say(f"warning: {warning}")
    person = sys.stdin.isatty()
    if person:
        say(f"{opened.reference}. {HELP}")
    while (line := _line(person)) is not None:
        if not line.strip():
            continue
        try:
            if line.startswith("/"):
                if not _command(session, line):
                    return
            else:
                _answer(session, line)
        except RunnerError as error:
            say(f"error: {error.message}" + (f"\n  {error.hint}" if error.hint else ""))
            if not person:
                raise


def _line(person: bool) -> str | None:
    """The next turn; None at the end."""
    if not person:
        line = sys.stdin.readline()
        return line.rstrip("\n") if line else None
    try:
        return input("> ")
    except EOFError:
        print()
        return None
    except KeyboardInterrupt:
        print()
        return ""


def _answer(session: Any, line: str) -> None:
    pieces = session.ask(line)
    try:
        for piece in pieces:
            print(piece, end="", flush=True)
    except KeyboardInterrupt:
        # What was said so far stays said.
        pieces.close()
    print()


def _command(session: Any, line: str) -> bool:
    """Do what a line with a slash says. False: it is the end."""
    verb, _, rest = line.partition(" ")
    rest = rest.strip()
    if verb in ("/quit", "/exit"):
        return False
    if verb == "/reset":
        session.reset()
        say("begun anew")
    elif verb == "/system":
        session.system = rest or None
        say("the system's turn is set" if rest else "there is no system's turn")
    elif verb == "/set" and "=" in rest:
        session.set(rest)
    elif verb == "/options":
        say("\n".join(f"{name} = {value}" for name, value in session.options.model_dump().items()))
    elif verb == "/save" and rest:
        session.save(Path(rest))
        say(f"saved as {rest}")
    elif verb == "/load" and rest:
        session.load(Path(rest))
        say(f"{len(session.history)} turns taken up")
    else:
        say(HELP)
    return True
