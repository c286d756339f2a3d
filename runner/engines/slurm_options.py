"""The settings of Slurm itself: ``run.engine.options`` of a run on a Slurm cluster, each by Slurm's own name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from runner import near_names
from runner.errors import Fault

#: Where the options are in a spec.
POINTER = "/run/engine/options"

#: What a value may be made of: sbatch reads a line without a shell, and ends it at a blank, a quote or a ``#``.
_WORD = re.compile(r"[A-Za-z0-9_.,:;=@%+*/&|()\[\]<>!~^-]{1,1024}")
_NOT_OURS = "Runner writes this line itself"

#: Options of sbatch that a field of the spec or Runner itself decides.
_ELSEWHERE = {
    "partition": "ask for it by /run/engine/queue",
    "time": "ask for it by /run/engine/lifetime",
    "nodes": "ask for it by /run/engine/nodes",
    "mem": "ask for it by /run/memory",
    "cpus-per-task": "ask for it by /run/cpus",
    "gpus": "ask for it by /run/gpus",
    "gpus-per-node": "ask for it by /run/gpus, and for a type by gpu-type",
    "signal": "ask for it by /run/engine/stop_grace",
    "export": "name variables in /run/env",
    "requeue": "ask for it by /run/engine/interruptions",
    "no-requeue": "ask for it by /run/engine/interruptions",
    "container-image": "ask for it by /run/image, and name pyxis or apptainer as container",
    "array": "one job is one run: `runner sweep array` writes arrays",
    "ntasks": _NOT_OURS,
    "ntasks-per-node": _NOT_OURS,
    "job-name": _NOT_OURS,
    "output": _NOT_OURS,
    "error": _NOT_OURS,
    "open-mode": _NOT_OURS,
}


def _word(value: Any) -> str | None:
    if isinstance(value, str) and _WORD.fullmatch(value):
        return None
    return "text without blanks, quotes and #"


def _flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "true or false"


def _whole(value: Any) -> str | None:
    return None if isinstance(value, int) and not isinstance(value, bool) else "a whole number"


def _container(value: Any) -> str | None:
    return None if value in ("pyxis", "apptainer") else "pyxis or apptainer"


def _lines(value: Any) -> str | None:
    """Lines of a shell: each of them one line."""
    if isinstance(value, list) and all(isinstance(line, str) and line.isprintable() for line in value):
        return None
    return 'a list of lines, as in ["module load cuda"]'


def _mounts(value: Any) -> str | None:
    if isinstance(value, list) and all(isinstance(each, str) and re.fullmatch(r"/[^\s,'\"]*", each) for each in value):
        return None
    return 'a list of folders, as in ["/data"] or ["/data:/inside"]'


#: Options that become a line ``#SBATCH --NAME=VALUE``.
LINES: dict[str, Callable[[Any], str | None]] = {
    "account": _word,
    "qos": _word,
    "constraint": _word,
    "gres": _word,
    "exclude": _word,
    "nodelist": _word,
    "reservation": _word,
    "licenses": _word,
    "dependency": _word,
    "begin": _word,
    "mail-user": _word,
    "mail-type": _word,
    "nice": _whole,
    "exclusive": _flag,
}

#: Options that shape the script.
SHAPING: dict[str, Callable[[Any], str | None]] = {
    "gpu-type": _word,
    "container": _container,
    "mounts": _mounts,
    "setup": _lines,
}


def faults(options: Mapping[str, Any]) -> list[Fault]:
    """What is wrong with the options, each by its pointer. Values are repeated in no message."""
    known = LINES | SHAPING
    found = []
    for name, value in options.items():
        # A name may have anything in it: RFC 6901 spells two characters in another way.
        pointer = f"{POINTER}/{name.replace('~', '~0').replace('/', '~1')}"
        if (check := known.get(name)) is not None:
            if (expected := check(value)) is not None:
                found.append(Fault(f"{name} takes {expected}", pointer, expected=expected))
        elif (elsewhere := _ELSEWHERE.get(name.removeprefix("--").replace("_", "-"))) is not None:
            found.append(Fault(f"{name} is no option of this section", pointer, hint=elsewhere))
        else:
            hint = near_names.hint(name.removeprefix("--"), known, "there are: " + ", ".join(known))
            found.append(Fault(f"there is no option {name!r} of Slurm here", pointer, hint=hint))
    return found
