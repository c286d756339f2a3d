"""Write ``requirements.lock``: what ``runner[train,s3]`` resolved to in the environment that runs this script.

    .venv/bin/python docker/lock.py            # write it
    .venv/bin/python docker/lock.py --check    # fail if it differs

Versions only. Hashes would name one index's files and one platform's wheels, and torch comes as a CPU or a CUDA build,
so a hash here would refuse builds that are right. torch is not in the file but its version is in the Dockerfile's
build arguments: its CUDA packages are pinned by torch itself.
"""

from __future__ import annotations

import sys
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCK = Path(__file__).with_name("requirements.lock")


def resolved(root: str, extras: frozenset[str]) -> dict[str, str]:
    """Name to version of everything that ``root[extras]`` needs here, without ``root`` itself."""
    found: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(root, extras)]
    while waiting:
        name, wanted = waiting.pop()
        if (name, wanted) in seen:
            continue
        seen.add((name, wanted))
        here = distribution(name)
        if name != root:
            found[name] = here.version
        for line in here.requires or []:
            need = Requirement(line)
            if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in wanted | {""}):
                waiting.append((canonicalize_name(need.name), frozenset(need.extras)))
    return found


def main() -> int:
    pins = resolved("runner", frozenset({"train", "s3"}))
    torch = pins.pop("torch").partition("+")[0]
    lines = [f"# runner[train,s3], resolved with torch {torch}; made by docker/lock.py"]
    lines += [f"{name}=={pins[name]}" for name in sorted(pins)]
    text = "\n".join(lines) + "\n"
    if "--check" in sys.argv[1:]:
        same = LOCK.exists() and LOCK.read_text() == text
        print("the lock is what is installed" if same else "the lock differs: run docker/lock.py")
        return 0 if same else 1
    LOCK.write_text(text)
    print(f"{LOCK.name}: {len(pins)} packages")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
