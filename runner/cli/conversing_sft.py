"""``runner new sft``: the wizard that writes a script beside the spec."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runner.errors import Interrupted, UsageError
from runner.workspace import Workspace

if TYPE_CHECKING:
    from runner.wizard.asking import Asker


def asks_for_it(pairs: Sequence[str], *, yes: bool) -> bool:
    """Whether ``--set`` has answers of this wizard alone, or nothing at all and a person is there to be asked."""
    from runner.wizard import sft_scenarios, terminal

    keys = {pair.partition("=")[0].strip() for pair in pairs}
    if not keys <= sft_scenarios.KEYS:
        return False
    return bool(keys - sft_scenarios.VALUES.keys()) or (terminal.interactive() and not yes)


def hold_walk(pairs: Sequence[str], *, yes: bool, no_start: bool, plain: bool) -> int:
    """Ask what was not given; where nobody is there, take every default. The exit code.

    Raises :class:`UsageError` with the first answer that has to be given and was not.
    """
    from runner.wizard import sft_scenarios, terminal
    from runner.wizard.asking import Unanswered
    from runner.wizard.untended import Untended

    given = sft_scenarios.given_of(pairs)
    if terminal.interactive() and not yes:
        asker = terminal.asker(plain=plain)
        asker.say("A fine-tuning on conversations, question by question; :help tells what else can be typed.")
        return walk(given, asker, no_start=no_start)
    if not yes:
        raise UsageError(
            f"nobody can be asked here: {terminal.why_not()}",
            hint="give what it needs with --set KEY=VALUE, and take the defaults of the rest with --yes",
        )
    nobody = Untended(say=print, note=lambda text: print(text, file=sys.stderr))
    try:
        return walk(given, nobody, no_start=no_start)
    except Unanswered:
        raise UsageError(
            f"missing: {', '.join(nobody.lacks)}", hint="give it: --set KEY=VALUE, or answer it at a terminal"
        ) from None


def walk(given: Mapping[str, Any], asker: Asker, *, no_start: bool) -> int:
    """The walk; the exit code of the script, 0 where it was not run or goes on."""
    from runner.wizard import sft_scenarios

    try:
        result = sft_scenarios.walk(asker, Workspace.current(), {"run": False, **given} if no_start else given)
    except Interrupted as error:
        told = error.message if "nothing was started" in error.message else "setup cancelled; nothing was started"
        raise Interrupted(told) from None
    return result.code or 0
