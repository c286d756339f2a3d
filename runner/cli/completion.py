"""``runner completion``"""

from __future__ import annotations

from typing import Literal

from runner.cli.output import say


def completion(
    *, shell: Literal["bash", "zsh", "fish"] | None = None, command: Literal["runner", "cli"] = "runner"
) -> None:
    """Install completion of verbs, flags and choices for your shell.

    Example: runner completion --shell bash

    Parameters
    ----------
    shell
        The shell. Default: the one this was typed in.
    command
        The name that is completed.
    """
    from runner.cli.app import build

    # Completion knows every verb's flags, so all verbs are loaded here.
    path = build(["completion"], name=command).install_completion(shell=shell)
    say(f"completion for {command} is in {path}; open a new shell to have it")
