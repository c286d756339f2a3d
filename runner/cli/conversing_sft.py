"""``runner new sft``: the wizard that writes a script beside the spec."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runner.cli.program_name import as_called
from runner.errors import Interrupted, UsageError
from runner.workspace import Workspace

if TYPE_CHECKING:
    from runner.wizard.draft import SavedDraft
    from runner.wizard.prompt_interface import Asker
    from runner.wizard.sft_saved_answers import WalkAnswers


def asks_for_it(pairs: Sequence[str], *, yes: bool) -> bool:
    """Whether ``--set`` has answers of this wizard alone, or nothing at all and a person is there to be asked."""
    from runner.wizard import sft_answers, terminal

    keys = {pair.partition("=")[0].strip() for pair in pairs}
    if not keys <= sft_answers.KEYS:
        return False
    return bool(keys - sft_answers.VALUES.keys()) or (terminal.interactive() and not yes)


def hold_walk(pairs: Sequence[str], *, yes: bool, no_start: bool, plain: bool) -> int:
    """Ask what was not given; where nobody is there, take every default. The exit code.

    Raises :class:`UsageError` with the first answer that has to be given and was not.
    """
    from runner.wizard import sft_answers, terminal
    from runner.wizard.draft import SavedDraft
    from runner.wizard.prompt_interface import Unanswered
    from runner.wizard.unattended import Untended

    given = sft_answers.given_of(pairs)
    if terminal.interactive() and not yes:
        asker = terminal.asker(plain=plain)
        asker.say("A fine-tuning on conversations, question by question; :help tells what else can be typed.")
        return walk(given, asker, no_start=no_start, saved=SavedDraft.begin(Workspace.current()))
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


def walk(
    given: Mapping[str, Any],
    asker: Asker,
    *,
    no_start: bool,
    saved: SavedDraft | None = None,
    left: WalkAnswers | None = None,
) -> int:
    """The walk; the exit code of the script, 0 where it was not run or goes on.

    ``saved`` is where answers are kept, ``left`` those that it goes on with. Raises :class:`Interrupted` where it is
    cancelled, with how to go on.
    """
    from runner.wizard import sft_scenarios

    given = {"run": False, **given} if no_start else given
    try:
        result = sft_scenarios.walk(asker, Workspace.current(), given, saved, left)
    except Interrupted as error:
        told = error.message if "nothing was started" in error.message else "setup cancelled; nothing was started"
        kept = saved is not None and saved.path.exists()
        raise Interrupted(told, hint=f"go on with it: {as_called()} new --resume" if kept else None) from None
    return result.code or 0


def go_on(saved: SavedDraft, left: WalkAnswers, *, yes: bool, no_start: bool, plain: bool) -> int:
    """Go on where it was left. Raises :class:`UsageError` where nobody can be asked."""
    from runner.wizard import terminal

    if yes or not terminal.interactive():
        why = "--yes asks nothing" if yes else f"nobody can be asked here: {terminal.why_not()}"
        raise UsageError(why, hint="answer at a terminal, or give the answers: runner new sft --set KEY=VALUE --yes")
    asker = terminal.asker(plain=plain)
    asker.say(f"Going on after {len(left.answers)} answers. :show prints them.")
    return walk(left.given, asker, no_start=no_start, saved=saved, left=left)
