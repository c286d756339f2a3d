"""What ``runner new`` does, and the plainest of its command lines read without the parser of all others.

The parser takes longer to import than everything that the first question needs. So a bare ``runner new``, and one with
a kind, switches and ``--set``, is read here; whatever else is said is the parser's.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runner.cli.conversing import hold
from runner.errors import UsageError

SWITCHES = {"--resume": "resume", "--yes": "yes", "--no-start": "no_start", "--plain": "plain", "--json": "json"}


def plainly(words: Sequence[str]) -> dict[str, Any] | None:
    """The arguments of :func:`begin` that the words behind ``new`` are; None for what the parser has to read."""
    found: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in SWITCHES and SWITCHES[word] not in found:
            found[SWITCHES[word]] = True
        elif word == "--set" and rest and not rest[0].startswith("-"):
            found.setdefault("set_", []).append(rest.pop(0))
        elif not word.startswith("-") and "kind" not in found:
            found["kind"] = word
        else:
            return None
    return found


def begin(
    *,
    kind: str | None = None,
    from_: Path | None = None,
    set_: Sequence[str] | None = None,
    answers: Path | None = None,
    resume: bool = False,
    yes: bool = False,
    no_start: bool = False,
    plain: bool = False,
    json: bool = False,
) -> int | None:
    """Ask what is not given, write the spec, and start it or not. The arguments are those of ``runner new``."""
    if plain:
        # What is drawn after the questions, a training's bar, is to be plain as well.
        os.environ["RUNNER_PLAIN"] = "1"
    given = list(set_ or ())
    if kind is not None:
        given.insert(0, f"kind={kind}")
    if kind == "sft" and not (from_ or answers or resume or json):
        from runner.cli.conversing_sft import asks_for_it, hold_walk

        if asks_for_it(set_ or (), yes=yes):
            return hold_walk(set_ or (), yes=yes, no_start=no_start, plain=plain)
    if resume and (given or from_ or answers):
        raise UsageError("--resume goes on with answers that were saved", hint="change them there: :set KEY=VALUE")
    held = hold(
        given, spec=from_, answers=answers, resume=resume, yes=yes, no_start=no_start, plain=plain, as_json=json
    )
    if not isinstance(held, Path):
        return held
    from runner.cli.train import train

    return train(spec_file=held, json=json)
