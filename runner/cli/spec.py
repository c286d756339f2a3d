"""``runner spec``: write specs."""

from __future__ import annotations

import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from runner.cli.output import say, show
from runner.cli.parameters import Dash, Json
from runner.cli.streams import standard_input
from runner.errors import EnvironmentProblem, UsageError
from runner.spec.reader import read_file, read_piped
from runner.spec.repair import fix as repair
from runner.store.files import set_mode


def fix(
    file: Annotated[Path, Dash, Parameter(help="The spec file; `-`, or none, is standard input.")] = Path("-"),
    *,
    write: Annotated[bool, Parameter(negative="", help="Write the repaired text into the file.")] = False,
    json: Json = False,
) -> None:
    """Repair what is unambiguous in a spec, and say what changed. What cannot be repaired is an error.

    Without --write the repaired text goes to standard output, and the file stays as it is.

    Example: runner spec fix spec.json

    Example: runner spec fix spec.json --write

    Example: cat spec.json | runner spec fix > fixed.json
    """
    piped = str(file) == "-"
    if piped and write:
        raise UsageError("--write needs a file", hint="runner spec fix spec.json --write")
    source = "<stdin>" if piped else str(file)
    text, changes = repair(read_piped(standard_input(), source) if piped else read_file(file), source)
    for change in changes if not json else ():
        say(
            ": ".join(part for part in (f"{source}:{change.line}:{change.column}", change.pointer, change.what) if part)
        )
    if not changes and not json:
        say(f"{source}: nothing to repair")
    if write and changes:
        _replace(file, text)
    document = {"source": source, "changes": [asdict(change) for change in changes], "written": write and bool(changes)}
    kept = f"{source} is repaired" if document["written"] else None
    show(document | ({} if write else {"text": text}), "" if write else text.rstrip("\n"), as_json=json, kept=kept)


def _replace(file: Path, text: str) -> None:
    """Put the text in the file's place as a whole: a reader sees the old one or the new one. Keeps the mode."""
    target = file.resolve()
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="", dir=target.parent, delete=False) as aside:
            try:
                aside.write(text)
                aside.flush()
                os.fsync(aside.fileno())
                set_mode(Path(aside.name), target.stat().st_mode & 0o7777)
                Path(aside.name).replace(target)
            except BaseException:
                Path(aside.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise EnvironmentProblem(f"cannot be written: {error.strerror or error}", where=str(file)) from None
