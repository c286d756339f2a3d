"""How much memory this process has held at most, whoever started it."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

#: What Linux tells of a process of itself.
STATUS = Path("/proc/self/status")


def peak_memory() -> int:
    """Bytes of resident memory that this process has held at most.

    Linux tells it as ``VmHWM``. What ``getrusage`` gives begins there with the peak of the process that started this
    one, so that a small program under a large one would seem as large; it is taken where there is nothing else, such as
    on macOS, which counts bytes, while others count kibibytes.
    """
    try:
        told = STATUS.read_text("ascii", errors="replace").partition("VmHWM:")[2].split(maxsplit=1)
    except OSError:
        told = []
    if told:
        return int(told[0]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
