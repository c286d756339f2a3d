"""``runner spec export``: a spec, as a configuration of another program."""

from __future__ import annotations

import json as jsonlib
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from runner.cli.output import say, show
from runner.cli.parameters import Dash, Json
from runner.cli.streams import standard_input
from runner.engines.rented_machines import TARGETS
from runner.errors import ConflictError, ExitCode
from runner.interchange.exporters.exported import Exported
from runner.interchange.exporters.exporting import export
from runner.interchange.report import lines
from runner.spec.checking import LoadedSpec, at_their_places, load
from runner.spec.reader import read_file, read_piped
from runner.store.files import write_atomic


def export_(
    file: Annotated[Path, Dash, Parameter(help="The spec file; `-` is standard input.")],
    *,
    to: Annotated[str, Parameter(help="axolotl, llamafactory, trl, skypilot or hf-jobs.")],
    out: Annotated[Path | None, Parameter(help="Where it is written. One that is there is replaced.")] = None,
    strict: Annotated[
        bool, Parameter(negative="", help="Fail (exit code 3) where something of effect could not be written.")
    ] = False,
    json: Json = False,
) -> int:
    """Write a spec as another program's configuration, and say of every field what became of it.

    LLaMA-Factory looks data sets up in a `dataset_info.json`, which is written beside --out. SkyPilot and Hugging
    Face's Jobs train nothing themselves: what is written has them start the run on a machine that they rent.

    Example: runner spec export specs/sft.json --to trl

    Example: runner spec export spec.json --to axolotl --out axolotl.yaml

    Example: runner spec export spec.json --to skypilot --out task.yaml
    """
    piped = str(file) == "-"
    source = "<stdin>" if piped else str(file)
    loaded = load(read_piped(standard_input(), source) if piped else read_file(file), source)
    if to in TARGETS:
        return _rented(loaded, to, source, out, json)
    made = export(loaded, to, out.parent if out else None)
    text = _yaml(made.config)
    if out is not None:
        _write(made, out, text)
    elif not json:
        say(report(made, source))
    document = {"format": to, "kind": made.kind, "source": source, "config": made.config, "files": made.files,
                "entries": [asdict(entry) for entry in made.entries], "out": str(out) if out else None}  # fmt: skip
    kept = f"{out} is written" if out else None
    show(document, text.rstrip("\n") if out is None else f"{report(made, source)}\n{kept}", as_json=json, kept=kept)
    return ExitCode.SPEC_INVALID if strict and made.lost else ExitCode.DONE


def _rented(loaded: LoadedSpec, to: str, source: str, out: Path | None, json: bool) -> int:
    """The run as a program that rents machines takes it."""
    from runner.execution.staging import ordered
    from runner.workspace import Workspace

    staged = ordered(loaded, Workspace.current())
    with at_their_places(loaded):
        text = TARGETS[to](staged.order)
    if out is not None:
        write_atomic(out, [text.encode()])
    say(f"before it is started: runner remote stage {source}")
    document = {"format": to, "source": source, "run": staged.run, "root": staged.address, "text": text,
                "out": str(out) if out else None}  # fmt: skip
    kept = f"{out} is written" if out else None
    show(document, text.rstrip("\n") if out is None else str(kept), as_json=json, kept=kept)
    return ExitCode.DONE


def report(made: Exported, source: str) -> str:
    """What became of every field, as a person reads it."""
    parts = [f"{source}: as a configuration of {made.format}", f"to be run with: {made.command}"]
    parts += lines(made.entries, source)
    for name, content in made.files.items():
        parts += ["", f"{name}, which lies beside it:", jsonlib.dumps(content, indent=2, ensure_ascii=False)]
    lost = len(made.lost)
    said = f"{lost} with an effect on the result could not be written" if lost else "all that has an effect was written"
    return "\n".join([*parts, "", f"{len(made.entries)} fields; {said}"])


def _yaml(config: dict[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=120)


def _write(made: Exported, out: Path, text: str) -> None:
    """The configuration and what lies beside it; a file of that name that says other things is left alone."""
    for name, content in made.files.items():
        place, wanted = out.parent / name, jsonlib.dumps(content, indent=2, ensure_ascii=False) + "\n"
        if place.exists() and place.read_text("utf-8") != wanted:
            raise ConflictError(
                "is there already, with other data sets", where=str(place), hint="write into another folder: --out"
            )
        write_atomic(place, [wanted.encode()])
    write_atomic(out, [text.encode()])
