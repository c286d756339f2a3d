"""How much memory a training may take here."""

from __future__ import annotations

from pathlib import Path

#: Where a control group says its limit: the second version's file, and the first's.
CGROUPS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def memory_limit(device: str, asked: int | None) -> tuple[int, str]:
    """Bytes, and whose they are: the GPU's; else the least of ``/run/memory``, the control group's, the machine's."""
    if device != "cpu":
        import torch

        return int(torch.cuda.get_device_properties(0).total_memory), "the GPU"
    import psutil

    found = [(int(psutil.virtual_memory().total), "this machine")]
    for path in CGROUPS:
        try:
            found.append((int(path.read_text()), "this process's control group"))
        except (OSError, ValueError):
            # There is no such file, or it says "max".
            continue
    if asked is not None:
        found.append((asked, "/run/memory"))
    return min(found)


def memory_free(device: str, asked: int | None) -> int:
    """Bytes that a training may still take: what the GPU has free; else what the machine has, and what is left of the
    limits beside what this process holds."""
    if device != "cpu":
        import torch

        return int(torch.cuda.mem_get_info()[0])
    import psutil

    return min(int(psutil.virtual_memory().available), memory_limit(device, asked)[0] - memory_held())


def memory_held() -> int:
    """Resident bytes of this process."""
    import psutil

    return int(psutil.Process().memory_info().rss)
