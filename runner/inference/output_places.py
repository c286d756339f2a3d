"""Where the output goes, and in which form."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from runner.errors import ConflictError, NotFoundError, UsageError
from runner.store.files import cannot_write
from runner.tasks.answers import OutputFormat
from runner.workspace import Workspace

SUFFIXES: dict[str, OutputFormat] = {".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
#: Suffixes that promise another form than any that is written.
NO_FORMS = (".csv", ".tsv", ".xlsx")


def is_stdout(output: Path | None) -> bool:
    """Whether the output is printed."""
    return output is not None and str(output) in ("-", "/dev/stdout")


def form(output: Path | None, said: OutputFormat | None) -> OutputFormat:
    """The output's form: as said, or by the file's suffix, else the JSON object."""
    if said == "parquet" and is_stdout(output):
        raise UsageError("parquet goes into a file", where="--output-format", hint="--output-path scores.parquet")
    if said is None and output is not None and output.suffix.lower() in NO_FORMS:
        raise UsageError(
            f"scores are not written as {output.suffix.lower()[1:]}",
            where=str(output),
            hint="name it .json, .jsonl or .parquet, or say which with --output-format",
        )
    return said or (SUFFIXES.get(output.suffix.lower()) if output is not None else None) or "json"


def reserve(workspace: Workspace, output: Path | None, name: str, form: OutputFormat = "json") -> Path:
    """The file that the scores go to, checked for being writable before anything is computed.

    Without ``output`` it is ``<outputs>/<timestamp>_<model name>.<form>``, microseconds included and created on the
    spot, so that two inferences never write over each other.
    """
    if output is not None:
        # A link stays a link: what it leads to is written.
        output = output.resolve() if output.is_symlink() else output
        if output.is_dir():
            raise UsageError("is a directory", where=str(output), hint="--output-path names a file")
        if output.exists() and not output.is_file():
            raise UsageError(
                "is not a regular file",
                where=str(output),
                hint="scores and their provenance are two files; for a pipe: --output-path -",
            )
        folder = output.parent
        if not folder.is_dir():
            raise NotFoundError("there is no such folder", where=str(folder), hint="make it first")
        if not os.access(output if output.exists() else folder, os.W_OK):
            raise cannot_write(output, PermissionError(13, "permission denied"))
        return output
    try:
        workspace.outputs.mkdir(parents=True, exist_ok=True)
        for _ in range(1000):
            path = workspace.outputs / f"{datetime.now():%Y%m%d-%H%M%S-%f}_{name}.{form}"
            try:
                path.touch(exist_ok=False)
            except FileExistsError:
                continue
            return path
    except OSError as error:
        raise cannot_write(workspace.outputs, error) from error
    raise ConflictError("no free file name", where=str(workspace.outputs))


def keep_apart(output: Path | None, read: Path | None) -> None:
    """Raise :class:`UsageError` where the output would be written over what is read."""
    if output is not None and read is not None and output.exists() and read.exists() and output.samefile(read):
        raise UsageError("is what is read", where=str(output), hint="--output-path names another file")
