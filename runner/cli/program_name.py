"""How this program was called, so that a command which is shown works as it stands."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path


def as_called() -> str:
    """How this program can be called again from here: the next command that is shown should work as it stands."""
    called = Path(sys.argv[0])
    if called.name not in ("runner", "cli"):
        return "runner" if shutil.which("runner") else f"{shlex.quote(sys.executable)} -m runner"
    found = shutil.which(called.name)
    return called.name if found and Path(found).resolve() == called.resolve() else shlex.quote(sys.argv[0])
