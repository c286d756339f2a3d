"""A step carried out into a folder: once, as a whole, with an account of what it was made of and by what."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

from runner import __version__
from runner.contract import Section
from runner.errors import ConflictError, DataError, IntegrityError
from runner.pipeline.steps import Inputs, Step
from runner.pipeline.steps.raw_rows import raw_files
from runner.pipeline.steps.step_report import StepReport
from runner.store.files import cannot_write, open_to_readers, sha256_file, sync_folder, sync_tree, write_json
from runner.store.prepared_data import ACCOUNT, STEP_ACCOUNT, PreparedData, in_folder
from runner.store.version_deletion import take_away

#: How the name of a folder ends that a step is making.
ASIDE = ".step"


@dataclass(frozen=True)
class Outcome:
    """What a step has made. ``already`` says that it was there, of the same inputs by the same options."""

    step: str
    out: Path
    key: str
    report: StepReport
    already: bool

    def as_dict(self) -> dict[str, Any]:
        return {
            "step": self.step, "out": str(self.out), "already_done": self.already, "key": self.key,
            **self.report.as_dict(),
        }  # fmt: skip


def carry_out(step: Step, inputs: Inputs, options: Section, out: Path, *, force: bool = False) -> Outcome:
    """Run a step into the folder ``out``, which is there as a whole afterwards, or as it was before.

    What is there of the same inputs and options by the same version of the program is left as it is. Raises
    :class:`ConflictError` where something else is there (``force`` replaces what a step has made, and nothing else),
    and what the step raises.
    """
    sources = {part: _source(path) for part, path in inputs.items()}
    key = key_of(step, sources, options)
    there = _there(out)
    if there is not None and not force and there.account.get("key") == key:
        try:
            there.verify()
            return Outcome(step.name, out, key, StepReport.of(there.account["report"]), True)
        except IntegrityError as error:
            raise ConflictError(
                "what the step made was changed afterwards", where=error.where, hint="--force makes it again"
            ) from None
    if there is not None and not force:
        made_by = there.steps[-1]["step"] if there.steps else "a step"
        raise ConflictError(
            f"the folder holds what {made_by} made of other inputs or with other options",
            where=str(out),
            hint="--force replaces it; or name another folder",
        )
    _refuse_own_input(sources, out)
    aside = _aside(out)
    try:
        report = step.run(inputs, options, aside)
        own = {
            "step": step.name,
            "key": key,
            "program": __version__,
            "options": options.model_dump(),
            "inputs": {part: source["files"] for part, source in sources.items()},
            "rows": {"read": report.rows_read, "written": report.rows_written},
            "dropped": dict(report.dropped),
        }
        account = {
            "key": key,
            "parts": report.parts,
            "files": report.as_dict()["files"],
            "steps": [*_before(sources), own],
            "report": report.as_dict(),
        }
        write_json(aside / STEP_ACCOUNT, account)
        open_to_readers(aside)
        sync_tree(aside)
        _put(aside, out)
    except OSError as error:
        raise cannot_write(out, error) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return Outcome(step.name, out, key, report, False)


def key_of(step: Step, sources: Mapping[str, Mapping[str, Any]], options: Section) -> str:
    """A hash of all that decides what a step makes: its inputs' bytes, its options and what they name, the program."""
    inputs = {part: [each["sha256"] for each in source["files"]] for part, source in sources.items()}
    beside: list[Path] = getattr(import_module(step.module), "reads", lambda options: [])(options)
    told = {
        "step": step.name,
        "inputs": inputs,
        "options": options.model_dump(),
        # What is not there the step tells of.
        "files": [sha256_file(path) for path in beside if path.is_file()],
        "program": __version__,
    }
    return sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _source(path: str | Path) -> dict[str, Any]:
    """The files of an input with their checksums, and the steps that made them where steps did."""
    files = raw_files(path)
    found: dict[str, Any] = {
        "files": [{"path": str(file), "sha256": sha256_file(file)} for file in files],
        "folder": str(path),
    }
    for folder in dict.fromkeys(file.parent for file in files):
        prepared = in_folder(folder)
        if prepared is not None:
            _need_unchanged(prepared, found["files"])
            found["steps"] = prepared.steps
    return found


def _need_unchanged(prepared: PreparedData, files: list[dict[str, str]]) -> None:
    """Raise :class:`DataError` for a file of a step's output that is not what the step made."""
    for each in files:
        record = prepared.account["files"].get(Path(each["path"]).name)
        if record is not None and record["sha256"] != each["sha256"]:
            raise DataError(
                "the file is not the one that the step made: it was changed afterwards",
                where=each["path"],
                hint="make it again with --force, or copy it to a folder of its own and name it there",
            )


def _before(sources: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The steps before this one, each once, in their order."""
    found: dict[str, dict[str, Any]] = {}
    for source in sources.values():
        for each in source.get("steps", ()):
            found.setdefault(each["key"], each)
    return list(found.values())


def _there(out: Path) -> PreparedData | None:
    """What a step has made in a folder. Raises :class:`ConflictError` where something else is there."""
    if not out.exists() and not out.is_symlink():
        return None
    if out.is_dir() and (out / STEP_ACCOUNT).is_file() and not (out / ACCOUNT).exists():
        return in_folder(out)
    if out.is_dir() and not any(out.iterdir()):
        return None
    what = "the folder holds files that no step made" if out.is_dir() else "a file of that name is there"
    raise ConflictError(what, where=str(out), hint="name another folder: nothing there is replaced")


def _refuse_own_input(sources: Mapping[str, Mapping[str, Any]], out: Path) -> None:
    place = out.resolve()
    for source in sources.values():
        for each in source["files"]:
            if Path(each["path"]).resolve().is_relative_to(place):
                raise ConflictError("the step would replace what it reads", where=str(out), hint="name another folder")


def _aside(out: Path) -> Path:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        # Whose it is, so that what a killed step has left can be told from what is being made.
        return Path(tempfile.mkdtemp(prefix=f".{out.name}.{os.getpid()}.", suffix=ASIDE, dir=out.parent))
    except OSError as error:
        raise cannot_write(out, error) from error


def _put(aside: Path, out: Path) -> None:
    """Give a finished folder its name. What a step made there before is moved away first, and taken away last."""
    old: Path | None = None
    if out.is_dir() and any(out.iterdir()):
        old = aside.with_name(f"{aside.name.removesuffix(ASIDE)}.replaced{ASIDE}")
        out.rename(old)
    elif out.is_dir():
        out.rmdir()
    os.rename(aside, out)  # noqa: PTH104 - Path.rename would replace an empty folder silently
    sync_folder(out.parent)
    if old is not None:
        take_away(old)
