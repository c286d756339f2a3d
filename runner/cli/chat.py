"""``runner chat``"""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from runner.cli.chat_commands import carry_out
from runner.cli.output import error_text, say, show
from runner.cli.parameters import Json
from runner.cli.streams import ResultStream, standard_input
from runner.errors import DataError, ExitCode, RunnerError, UsageError
from runner.workspace import Workspace, absolute, current_folder

if TYPE_CHECKING:
    from runner.inference.chat_session import ChatSession

Settings = Parameter(name="--set", negative="")


def chat(
    model: Annotated[str, Parameter(help="The stored model: TYPE/NAME, or TYPE/NAME/vN; or a base model.")],
    *,
    system: Annotated[str | None, Parameter(help="What the system says before the conversation.")] = None,
    load: Annotated[Path | None, Parameter(help="A conversation that was saved, to be taken up again.")] = None,
    set_: Annotated[list[str] | None, Settings] = None,
    device: Literal["cpu", "cuda"] = "cpu",
    json: Json = False,
) -> int:
    """Talk with a stored language model. Answers come as they are made; Ctrl-C ends one, not the session.

    Lines of a pipe are turns of one conversation: echo "Hi" | runner chat sft/tutor

    A command in a pipe that cannot be done is told, and what comes after it is done; the exit code is the first one's.

    Example: runner chat sft/tutor --set temperature=0.7 --system "Be brief."

    Parameters
    ----------
    set_
        An option of generation, as KEY=VALUE: one word after each flag.
    device
        Where to compute.
    """
    gc.enable()
    from runner.inference.chat_session import open_chat
    from runner.inference.task_options import parse_settings

    person = sys.stdin is not None and sys.stdin.isatty()
    if json and person:
        raise UsageError(
            "--json prints one document, once a conversation is over", where="--json", hint="pipe the turns in"
        )
    session = open_chat(Workspace.current(), model, system=system, options=parse_settings(set_ or ()), device=device)
    if load is not None:
        session.load(absolute(load, current_folder()))
    for warning in session.warnings:
        say(f"warning: {warning}")
    if person:
        _attended(session)
        return ExitCode.DONE
    code = ExitCode.DONE
    for number, line in enumerate(_piped(), 1):
        try:
            if not _turn(session, line, None if json else ResultStream()):
                break
        except RunnerError as error:
            if not _is_command(line):
                raise
            error.where = error.where or f"standard input:{number}"
            say(error_text(error))
            code = code or error.code
    if json:
        document = {"model": session.model} | session.conversation.as_dict()
        show(document | {"options": session.options.model_dump()}, "", as_json=True)
    return code


def _attended(session: ChatSession) -> None:
    """A person types. A mistake, and Ctrl-C, end a turn and not the session."""
    with contextlib.suppress(ImportError):
        # Arrow keys, and what was typed before.
        import readline  # noqa: F401
    say(f"{session.model}. /help shows the commands, Ctrl-C ends an answer, Ctrl-D the session.")
    out = _Screen() if sys.stdout.isatty() else ResultStream()
    going = True
    while going:
        try:
            line = _typed()
            going = line is not None and _turn(session, line, out)
        except RunnerError as error:
            say(error_text(error))
        except KeyboardInterrupt:
            say("(stopped)")


class _Screen(ResultStream):
    """A terminal: what could steer it is spelled out."""

    def write(self, text: str) -> int:
        from runner.pages.harmless_text import clean

        return super().write("".join(char if char in "\n\t" else clean(char) for char in text))


def _typed() -> str | None:
    """The next line; None at the end."""
    mark = "> "
    if not sys.stdout.isatty():
        # The answers go elsewhere, and only they.
        print(mark, end="", file=sys.stderr, flush=True)
        mark = ""
    try:
        return input(mark)
    except EOFError:
        say("")
        return None
    except KeyboardInterrupt:
        say("")
        return ""
    except UnicodeDecodeError:
        raise UsageError("that was no text in this terminal's encoding", hint="type it again") from None


def _piped() -> Iterator[str]:
    """The lines of standard input, each as soon as it is there. Raises :class:`DataError` for one that is no UTF-8."""
    for number, raw in enumerate(iter(standard_input().readline, b""), 1):
        try:
            yield raw.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise DataError("is no UTF-8", where=f"standard input:{number}") from None


def _turn(session: ChatSession, line: str, out: ResultStream | None) -> bool:
    """Do what a line says: a command, or a turn. False: it is the end."""
    if _is_command(line):
        return carry_out(session, line)
    if line.strip():
        # A turn that begins with a slash is written with two.
        _answer(session, line[1:] if line.startswith("//") else line, out)
    return True


def _is_command(line: str) -> bool:
    return line.startswith("/") and not line.startswith("//")


def _answer(session: ChatSession, text: str, out: ResultStream | None) -> None:
    from runner.tasks.generation.completions import CUT

    answer, said = session.send(text), False
    ended = False
    try:
        for piece in answer:
            said = True
            if out is not None:
                out.write(piece)
                out.flush()
        ended = True
    finally:
        # What was said so far stays said.
        answer.close()
        if out is not None and (said or ended):
            out.write("\n")
            out.flush()
    if answer.finish_reason == CUT:
        say(f"(cut at max_new_tokens, {session.options.max_new_tokens}, or where the model's positions end)")
    elif not said:
        say("(an empty answer: the turn is taken back)")
