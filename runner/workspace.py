"""Where things are on disk: runs, stored models, outputs, the outbox and the caches.

Everything defaults to folders of the directory the command is typed in; an environment variable moves one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from runner.errors import EnvironmentProblem, NotFoundError


def current_folder() -> Path:
    """The folder that the command is typed in. Raises :class:`EnvironmentProblem` where it was deleted meanwhile."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise EnvironmentProblem(
            "the folder that this was typed in is not there any more", hint="cd to one that is: cd ~"
        ) from None


def absolute(path: str | Path, cwd: Path, *, where: str | None = None) -> Path:
    """A path as a user writes it, absolute: ``~`` and ``~user`` are that user's home, a relative one counts from
    ``cwd``. Nothing has to exist there. Raises :class:`NotFoundError` for a user who is not there, or has no home."""
    try:
        return cwd / Path(path).expanduser()
    except RuntimeError:
        user = Path(path).parts[0]
        raise NotFoundError(
            f"there is no home folder {user}: this machine knows no such user",
            where=f"{where}: {path}" if where else str(path),
            hint=f"write the whole path; a folder that is called so is ./{path}",
        ) from None


@dataclass(frozen=True)
class Workspace:
    """The folders that one command works with. None of them has to exist."""

    runs: Path
    store: Path
    outputs: Path
    outbox: Path
    cache: Path
    #: The folder that they are in by default.
    home: Path = Path()

    @classmethod
    def current(cls) -> Workspace:
        """The workspace of the current directory.

        ``RUNNER_HOME`` moves all of it but the cache; ``RUNNER_RUNS_DIR``, ``RUNNER_STORE_DIR``, ``RUNNER_OUTPUT_DIR``,
        ``RUNNER_OUTBOX_DIR`` and ``RUNNER_CACHE_DIR`` move one folder each. Raises :class:`EnvironmentProblem` in a
        folder that was deleted.
        """
        current_folder()
        usual = cls.below(Path(os.environ.get("RUNNER_HOME") or "."))

        def folder(variable: str, default: Path) -> Path:
            return Path(os.environ.get(variable) or default)

        return cls(
            runs=folder("RUNNER_RUNS_DIR", usual.runs),
            store=folder("RUNNER_STORE_DIR", usual.store),
            outputs=folder("RUNNER_OUTPUT_DIR", usual.outputs),
            outbox=folder("RUNNER_OUTBOX_DIR", usual.outbox),
            cache=usual.cache,
            home=usual.home,
        )

    @classmethod
    def below(cls, home: Path) -> Workspace:
        """The workspace of a folder, whatever variables say of any but the cache, which several may share."""
        # Most that looks at a path asks for no cache.
        import platformdirs

        return cls(
            runs=home / "runs",
            store=home / "models",
            outputs=home / "inference_outputs",
            outbox=home / "outbox",
            cache=Path(os.environ.get("RUNNER_CACHE_DIR") or platformdirs.user_cache_dir("runner")),
            home=home,
        )
