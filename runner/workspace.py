"""Where things are on disk: runs, stored models, outputs, the outbox and the caches.

Everything defaults to folders of the directory the command is typed in; an environment variable moves one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs


@dataclass(frozen=True)
class Workspace:
    """The folders that one command works with. None of them has to exist."""

    runs: Path
    store: Path
    outputs: Path
    outbox: Path
    cache: Path

    @classmethod
    def current(cls) -> Workspace:
        """The workspace of the current directory.

        ``RUNNER_HOME`` moves all of it but the cache; ``RUNNER_RUNS_DIR``, ``RUNNER_STORE_DIR``, ``RUNNER_OUTPUT_DIR``,
        ``RUNNER_OUTBOX_DIR`` and ``RUNNER_CACHE_DIR`` move one folder each.
        """
        home = Path(os.environ.get("RUNNER_HOME") or ".")

        def folder(variable: str, default: Path) -> Path:
            return Path(os.environ.get(variable) or default)

        return cls(
            runs=folder("RUNNER_RUNS_DIR", home / "runs"),
            store=folder("RUNNER_STORE_DIR", home / "models"),
            outputs=folder("RUNNER_OUTPUT_DIR", home / "inference_outputs"),
            outbox=folder("RUNNER_OUTBOX_DIR", home / "outbox"),
            cache=folder("RUNNER_CACHE_DIR", Path(platformdirs.user_cache_dir("runner"))),
        )
