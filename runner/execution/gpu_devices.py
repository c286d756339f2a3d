"""The GPUs of this machine by name, without importing torch, and dealing them to what trains side by side."""

from __future__ import annotations

import os
import re
import subprocess

VISIBLE = "CUDA_VISIBLE_DEVICES"
#: A line of ``nvidia-smi -L``: "GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-8f6d...)".
_LINE = re.compile(r"GPU (\d+): .*?(?:\(UUID: (\S+)\))?\s*$")


def all_gpus() -> list[str]:
    """The GPUs that the driver shows, by UUID where it says it: CUDA and Docker may number them otherwise."""
    try:
        listing = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    found = (_LINE.match(line) for line in listing.stdout.splitlines())
    return [match[2] or match[1] for match in found if match]


def usable_gpus() -> list[str]:
    """Those of them that ``CUDA_VISIBLE_DEVICES`` leaves to this process, named as it names them; all where it is not
    set."""
    said = os.environ.get(VISIBLE)
    here = all_gpus()
    if said is None or not here:
        return here
    return [name for each in said.split(",") if (name := each.strip()) not in ("", "-1")]


class Dealer:
    """Gives each of several trainings GPUs of its own, and takes them back."""

    def __init__(self, devices: list[str], each: int) -> None:
        self._free, self._each = list(devices), each

    def take(self) -> tuple[str, ...]:
        """GPUs for one more. Raises ValueError where too few are free: who deals begins no more than there are GPUs
        for."""
        if len(self._free) < self._each:
            raise ValueError(f"{self._each} GPUs were asked for and {len(self._free)} are free")
        given, self._free = tuple(self._free[: self._each]), self._free[self._each :]
        return given

    def give_back(self, devices: tuple[str, ...]) -> None:
        """What a training that is over had. They are given again after those that are free already."""
        self._free += devices
