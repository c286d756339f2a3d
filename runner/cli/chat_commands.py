"""The commands of a conversation: lines that begin with a slash, listed and carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner import near_names
from runner.cli.output import say
from runner.contract.quantities import counted
from runner.errors import UsageError
from runner.workspace import absolute, current_folder

if TYPE_CHECKING:
    from runner.inference.chat_session import ChatSession

#: The commands, each with what it takes, and what it does.
COMMANDS = {
    "/reset": ("", "begin anew"),
    "/system": ("[TEXT]", "what is said before the conversation"),
    "/set": ("KEY=VALUE", "change an option"),
    "/options": ("", "show the options"),
    "/save": ("FILE", "keep the conversation"),
    "/load": ("FILE", "take one up again"),
    "/help": ("", "show this"),
    "/quit": ("", "end, as Ctrl-D does"),
    "/exit": ("", "the same"),
}


def _set(session: ChatSession, pair: str) -> None:
    """Change an option, and say what it is now. What is wrong with one is told by the command that was typed."""
    from runner.inference.task_options import parse_settings

    try:
        changed = parse_settings([pair])
        session.set(**changed)
    except UsageError as error:
        error.where = (error.where or "").replace("--set", "/set")
        error.hint = error.hint and error.hint.replace("--set", "/set")
        raise
    for name in changed:
        say(f"{name} = {getattr(session.options, name)}")


def carry_out(session: ChatSession, line: str) -> bool:
    """Do what a line with a slash says. False: it is the end."""
    verb, _, rest = line.partition(" ")
    rest = rest.strip()
    if verb not in COMMANDS:
        near = near_names.nearest(verb, COMMANDS)
        raise UsageError(
            f"there is no command {verb}",
            hint=f"did you mean {near}?" if near else f"{', '.join(COMMANDS)}; a turn that begins so: /{verb}",
        )
    takes, _ = COMMANDS[verb]
    if bool(rest) != bool(takes) and not takes.startswith("["):
        raise UsageError(f"{verb} takes {takes or 'nothing'}", hint=f"{verb} {takes}".strip())
    if verb == "/reset":
        session.reset()
        say("begun anew")
    elif verb == "/system":
        session.set(system=rest or None)
        say("the system's turn is set" if rest else "there is no system's turn")
    elif verb == "/set":
        _set(session, rest)
    elif verb == "/options":
        say("\n".join(f"{name} = {value}" for name, value in session.options.model_dump().items()))
    elif verb == "/save":
        session.save(absolute(rest, current_folder()))
        say(f"saved as {rest}")
    elif verb == "/load":
        session.load(absolute(rest, current_folder()))
        say(f"{counted(len(session.history), 'turns')} taken up")
    elif verb == "/help":
        for name, (takes, does) in COMMANDS.items():
            say(f"{f'{name} {takes}'.ljust(16)}  {does}")
        say("A turn that begins with a slash is written with two.")
    return verb not in ("/quit", "/exit")
