"""What steps made, each in a folder named by the hash of its inputs and options, so that none is done twice.

::

    pipelines/
        _steps/VERB-KEY/    step.json, and the files that the step made
        NAME/               journal.jsonl, pipeline.json, pipeline.html, and a link STEP to each step's folder
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from filelock import FileLock

from runner.errors import ConflictError, RunnerError
from runner.store.files import cannot_write, read_json, sha256_file, sync_tree, write_json
from runner.store.model_lookup import find
from runner.workspace import Workspace, current_folder

RECORD = "step.json"
STEPS = "_steps"


@dataclass(frozen=True)
class StepRecord:
    """``step.json``: what a step made, and of what. ``parts`` are files (``file``, ``sha256``, ``rows``) by their name;
    ``model`` is a stored model with its version."""

    verb: str
    key: str
    #: What the key is the hash of: the verb, its options, and every input by its own key or its bytes.
    identity: Mapping[str, Any]
    parts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    model: str | None = None
    run: str | None = None
    #: What it came to: counts and figures, and one sentence of them.
    facts: Mapping[str, Any] = field(default_factory=dict)
    summary: str = ""
    #: Of its page, below the folder.
    page: str | None = None
    seconds: float = 0.0
    created: str = ""
    runner: str = ""


class StepStore:
    """The folder ``pipelines`` of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.home = current_folder() / workspace.home / "pipelines"

    def folder(self, verb: str, key: str) -> Path:
        """Where what the step makes lies, absolute, whether it is there or not."""
        return self.home / STEPS / f"{verb}-{key[:20]}"

    def pipeline(self, name: str) -> Path:
        """A pipeline's own folder."""
        return self.home / name

    def done(self, verb: str, key: str) -> StepRecord | None:
        """What the step made, where all of it is still there: its files by their bytes, its model in the store."""
        folder = self.folder(verb, key)
        try:
            record = StepRecord(**read_json(folder / RECORD))
            if record.key != key:
                return None
            for part in record.parts.values():
                if sha256_file(folder / part["file"]) != part["sha256"]:
                    return None
            if record.model is not None:
                find(self.workspace.store, record.model)
        except (OSError, TypeError, KeyError, RunnerError):
            return None
        return record

    @contextlib.contextmanager
    def doing(self, verb: str, key: str) -> Iterator[Path]:
        """A folder to make it in, held by this process alone: another that wants the same step waits."""
        self._make(self.home / STEPS)
        try:
            with FileLock(self.home / STEPS / f".{verb}-{key[:20]}.lock"):
                aside = self.home / STEPS / f".doing-{verb}-{key[:20]}"
                self._make(aside)
                yield aside
        except OSError as error:
            raise cannot_write(self.home / STEPS, error) from error

    def finish(self, aside: Path, record: StepRecord) -> None:
        """Put what was made in its place, whole or not at all. Raises :class:`EnvironmentProblem` for a full disk."""
        target = self.folder(record.verb, record.key)
        write_json(aside / RECORD, dict(vars(record)))
        (aside / BEGUN).unlink(missing_ok=True)
        sync_tree(aside)
        former = target.with_name(f".former-{target.name}")
        shutil.rmtree(former, ignore_errors=True)
        if target.exists():
            target.rename(former)
        aside.rename(target)
        shutil.rmtree(former, ignore_errors=True)

    def _make(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(folder, error) from error

    def link(self, pipeline: str, step: str, verb: str, key: str) -> None:
        """``pipelines/NAME/STEP`` leads to what the step made. A file system without links does without."""
        place = self.pipeline(pipeline) / step
        aside = place.with_name(f".{step}.link")
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
            aside.symlink_to(Path("..") / STEPS / self.folder(verb, key).name, target_is_directory=True)
            aside.replace(place)

    @contextlib.contextmanager
    def running(self, pipeline: str) -> Iterator[Path]:
        """The pipeline's folder, held. Raises :class:`ConflictError` while another process runs it."""
        from filelock import Timeout

        folder = self.pipeline(pipeline)
        self._make(folder)
        lock = FileLock(folder / ".lock", timeout=0.2)
        try:
            lock.acquire()
        except Timeout:
            raise ConflictError(
                "the pipeline is being run by another process",
                where=pipeline,
                hint=f"follow it: runner pipeline show {pipeline}; or give this one another name",
            ) from None
        except OSError as error:
            raise cannot_write(folder, error) from error
        try:
            yield folder
        finally:
            lock.release()


#: In a step's folder while it is being made: what has to be known to go on with it after a crash.
BEGUN = ".begun.json"


def begin(aside: Path, facts: Mapping[str, Any]) -> None:
    """Write down what has to be known to go on, before it is begun."""
    write_json(aside / BEGUN, dict(facts))


def begun(aside: Path) -> dict[str, Any]:
    """What an attempt before wrote down; empty if there was none."""
    try:
        found = read_json(aside / BEGUN)
    except (OSError, RunnerError):
        return {}
    return found if isinstance(found, dict) else {}


def key_of(identity: Mapping[str, Any]) -> str:
    """sha256 (hex) of a canonical form."""
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode(errors="surrogatepass")).hexdigest()


def fingerprint(files: list[Path]) -> list[list[str]]:
    """The files by name and bytes."""
    return [[file.name, sha256_file(file)] for file in files]
