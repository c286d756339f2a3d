"""A run's checkpoints: ``checkpoints/<step>/`` with tensors (safetensors), a JSON state, and their checksums."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.errors import EnvironmentProblem, IntegrityError
from runner.store.files import cannot_write, read_json, sha256_file, sync_folder, sync_tree, write_json
from runner.store.tensors import read_tensors, write_tensors


@dataclass(frozen=True)
class SavedCheckpoint:
    """A whole checkpoint, read back. Tensors are by name, as :func:`runner.store.tensors.read_tensors` gives them."""

    step: int
    tensors: Mapping[str, Any]
    state: dict[str, Any]


def clear_checkpoints(folder: Path) -> None:
    """Take a run's checkpoints away: one that is over and whose model is stored has no use for them."""
    shutil.rmtree(folder, ignore_errors=True)


class RunCheckpoints:
    """Saves and finds checkpoints of one run. Two are kept, so that a torn one leaves its predecessor.

    One that does not write only finds them: another process saves them for both.
    """

    keep = 2

    def __init__(self, folder: Path, said: Callable[..., Any], *, writes: bool = True) -> None:
        self._folder = folder
        self._emit = said
        self._writes = writes

    def save(self, step: int, tensors: Mapping[str, Any], state: dict[str, Any]) -> None:
        """Write aside, sync, rename; then drop the oldest. Saving a step again replaces it."""
        if not self._writes:
            return
        target = self._folder / f"{step:010d}"
        aside = self._folder / f".{step:010d}.partial"
        try:
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir(parents=True)
            write_tensors(aside / "tensors.safetensors", tensors)
            write_json(aside / "state.json", state)
            sums = {name: sha256_file(aside / name) for name in ("tensors.safetensors", "state.json")}
            write_json(aside / "sha256.json", sums)
            sync_tree(aside)
            if target.exists():
                shutil.rmtree(target)
            os.rename(aside, target)  # noqa: PTH104 - Path.rename would replace an empty folder silently
            sync_folder(self._folder)
        except OSError as error:
            raise cannot_write(target, error) from error
        finally:
            # Renamed, or half written.
            shutil.rmtree(aside, ignore_errors=True)
        for old in self._steps()[: -self.keep]:
            shutil.rmtree(old, ignore_errors=True)
        self._emit("checkpoint", step=step)

    def stage(self, name: str) -> RunCheckpoints:
        """The checkpoints of one stage, in a folder of their own. They tell of themselves as the run's do."""
        return RunCheckpoints(self._folder / name, self._emit, writes=self._writes)

    def latest(self) -> SavedCheckpoint | None:
        """The newest whole checkpoint; a torn one is passed over, with a warning."""
        for path in reversed(self._steps()):
            try:
                sums = read_json(path / "sha256.json")
                for name, expected in sums.items():
                    if sha256_file(path / name) != expected:
                        raise IntegrityError("the checksum does not match", where=str(path / name))
                return SavedCheckpoint(
                    int(path.name), read_tensors(path / "tensors.safetensors"), read_json(path / "state.json")
                )
            except (IntegrityError, EnvironmentProblem, OSError) as error:
                self._emit("warning", message=f"passed over the checkpoint of step {int(path.name)}: {error}")
        return None

    def _steps(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        return sorted(path for path in self._folder.iterdir() if path.name.isdigit())
