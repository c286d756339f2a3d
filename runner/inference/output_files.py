"""Putting an output into its place, so that a reader never sees half of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from runner.store.files import cannot_write, sync_folder


def put_in_place(path: Path, write: Callable[[Path], None] | None, aside: Path) -> None:
    """Write aside, or take what is written there already; sync; rename."""
    try:
        if write is not None:
            write(aside)
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        aside.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
