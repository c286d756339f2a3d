"""``runner new``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from runner.cli.begin_new import begin
from runner.cli.parameters import Json

Flag = Annotated[bool, Parameter(negative="")]


def new(
    kind: str | None = None,
    /,
    *,
    from_: Annotated[Path | None, Parameter(name="--from")] = None,
    set_: Annotated[list[str] | None, Parameter(name="--set", consume_multiple=False)] = None,
    answers: Path | None = None,
    resume: Flag = False,
    yes: Flag = False,
    no_start: Flag = False,
    plain: Flag = False,
    json: Json = False,
) -> int | None:
    """Make a spec by questions: what to train, on which data, with which fields. Then start it, or not.

    Example: runner new

    Example: runner new text_classification --set data=reviews.csv

    Example: runner new elo_scoring --set name=ratings --set data=sample --yes --no-start

    Example: runner new sft --set scenario=file --set file=chats.jsonl

    `runner new sft` asks what a language model is to learn from, and writes a Python script beside the spec: the keys
    of its answers are in docs/sft_wizard.md. A key that is a field (--set name=tutor, --set data=chats.jsonl) leads to
    the questions of any other kind instead.

    At any prompt, :back goes to the question before, :help tells what is asked, :why where the answer in brackets
    comes from, :show the spec so far, :set KEY=VALUE sets a field, :save keeps the answers, :quit leaves. Answers are
    kept after each question in drafts/ of the workspace, readable by you alone; no token is among them.

    Exits 130 where it was cancelled (Ctrl-C, the end of input), 75 where it was left by :quit, 2 where something has to
    be asked and nobody is there: no terminal, or CI is set.

    Parameters
    ----------
    kind
        The kind of model; `runner models --types` lists them. Without it, it is asked.
    from_
        A spec to begin with: its fields are not asked, unless you go back to them.
    set_
        A field by its name, path or pointer: --set epochs=3 --set data=rows.csv --set /hub/repository=me/tutor.
    answers
        A JSON file of such fields: {"kind": "sft", "name": "tutor", "data": "chats.jsonl", "epochs": 2}. What it lacks
        is asked at a terminal, and elsewhere has its default. "start": false starts nothing.
    resume
        Go on where the conversation that was left last was.
    yes
        Ask nothing: take every default. What has none must be given; it is listed otherwise.
    no_start
        Write the spec and start nothing (with --yes), or have that as the default.
    plain
        Prompts as plain lines with numbers, for screen readers; so it is on a dumb terminal. RUNNER_PLAIN=1 for good.
    """
    return begin(
        kind=kind,
        from_=from_,
        set_=set_,
        answers=answers,
        resume=resume,
        yes=yes,
        no_start=no_start,
        plain=plain,
        json=json,
    )
