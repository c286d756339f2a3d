"""What a run takes of this machine while it is watched: its worker's memory and arithmetic, and the GPU's."""

from __future__ import annotations

import subprocess
from typing import Any

#: What is asked of the driver, in this order.
QUERY = "utilization.gpu,memory.used,memory.total"


class Taken:
    """Looks at the process of a run's worker; nothing where it is not of this machine, or gone."""

    def __init__(self) -> None:
        self._process: Any = None
        self._gpus: bool | None = None

    def look(self, pid: int | None, device: str | None) -> dict[str, str]:
        """Figures by what they are called."""
        found: dict[str, str] = {}
        if pid is not None:
            found |= self._of_process(pid)
        if (device or "").startswith("cuda"):
            found |= self._of_gpus()
        return found

    def _of_process(self, pid: int) -> dict[str, str]:
        import psutil

        try:
            if self._process is None or self._process.pid != pid:
                self._process = psutil.Process(pid)
                self._process.cpu_percent()
            with self._process.oneshot():
                memory, cpu = self._process.memory_info().rss, self._process.cpu_percent()
            return {"memory": f"{memory / 2**20:,.0f} MiB", "CPU": f"{cpu:.0f} %"}
        except psutil.Error:
            self._process = None
            return {}

    def _of_gpus(self) -> dict[str, str]:
        if self._gpus is False:
            return {}
        try:
            words = ["nvidia-smi", f"--query-gpu={QUERY}", "--format=csv,noheader,nounits"]
            listing = subprocess.run(words, capture_output=True, text=True, timeout=5, check=True).stdout
            rows = [[float(cell) for cell in line.split(",")] for line in listing.splitlines() if line.strip()]
        except (OSError, subprocess.SubprocessError, ValueError):
            self._gpus = False
            return {}
        named = [f"GPU {at}" if len(rows) > 1 else "GPU" for at in range(len(rows))]
        return {
            name: f"{used:.0f} %, {memory:,.0f} of {total:,.0f} MiB"
            for name, (used, memory, total) in zip(named, rows, strict=True)
        }
