"""``runner spec import``: a configuration or a command line of another program, as a spec."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from runner import near_names
from runner.cli.output import say, show
from runner.cli.parameters import Json
from runner.cli.streams import standard_input
from runner.errors import ExitCode, UsageError
from runner.interchange import importing
from runner.interchange.report import Report, text
from runner.spec.reader import read_piped
from runner.store.files import write_atomic

OPTIONS = ("--from", "--out", "--strict", "--json")


def import_(
    *words: Annotated[
        str,
        Parameter(
            name="FILE",
            allow_leading_hyphen=True,
            help="The configuration; `-` is standard input. Or, after --, a command.",
        ),
    ],
    from_: Annotated[
        str | None,
        Parameter(name="--from", help="The format, where it is not clear: aitraining, axolotl, trl:dpo, ..."),
    ] = None,
    out: Annotated[Path | None, Parameter(help="Where the spec is written. One that is there is replaced.")] = None,
    strict: Annotated[
        bool, Parameter(negative="", help="Fail (exit code 3) where something of effect was lost or is lacking.")
    ] = False,
    json: Json = False,
) -> int:
    """Make a spec of another program's configuration, or of its command line, and say what became of every line.

    The formats: aitraining, autotrain, sft-play, axolotl, llamafactory, trl, unsloth, ludwig, routellm. Nothing of the
    configuration is run or fetched. The spec goes to standard output and the report to standard error; with --out the
    spec goes into the file, and the report to standard output.

    Example: runner spec import axolotl.yaml --out spec.json

    Example: runner spec import dpo.yaml --from trl:dpo --strict

    Example: runner spec import -- aitraining llm --train --trainer sft --model gpt2 --data-path data
    """
    report = _report(words, from_)
    spec = jsonlib.dumps(report.spec, indent=2, ensure_ascii=False)
    if out is not None:
        write_atomic(out, [spec.encode() + b"\n"])
    if not json and out is None:
        say(text(report))
    document = report.as_dict() | {"out": str(out) if out else None}
    kept = f"{out} is written" if out else None
    show(document, spec if out is None else f"{text(report)}\n{kept}", as_json=json, kept=kept)
    return ExitCode.SPEC_INVALID if strict and not report.whole else ExitCode.DONE


def _report(words: tuple[str, ...], name: str | None) -> Report:
    if not words:
        raise UsageError(
            "there is nothing to import", hint="runner spec import FILE, or runner spec import -- COMMAND ..."
        )
    if len(words) > 1 and words[0].endswith((".yaml", ".yml", ".json", ".ipynb", ".sh")):
        # No program is called so: these are a file, and words that were meant for this verb.
        meant = next((word for word in words[1:] if word.startswith("-")), None)
        if meant is None:
            raise UsageError("one configuration is imported at a time", where=" ".join(words))
        others = "its options: " + ", ".join(OPTIONS)
        raise UsageError(f"spec import has no option {meant}", hint=near_names.hint(meant, OPTIONS, others))
    if len(words) > 1:
        return importing.import_command(words, name)
    if words[0] == "-":
        return importing.import_data(read_piped(standard_input(), "<stdin>"), "<stdin>", name)
    if words[0].startswith("-"):
        raise UsageError(
            f"{words[0]} is a flag, not a file", hint="runner spec import FILE, or -- before a command's words"
        )
    return importing.import_file(words[0], name)
