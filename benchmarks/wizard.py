"""How long the wizard takes to begin, and from an answer to the next prompt, at a real terminal.

    .venv/bin/python benchmarks/wizard.py [TIMES [THOUGHT [KIND]]]

Prints the median and the slowest of TIMES (default 10) conversations: from the command to its first prompt, and from
Enter to the next prompt where no data is read. First what the conversation's own thread computed for it, which another
load of the machine does not change (Linux alone tells it), then what went by on the clock. THOUGHT seconds (default 3)
are taken to choose a family, and a kind; with 0 both are answered at once. With KIND it is `runner new KIND`, and every
question is answered at once. The bare interpreter's own start is printed beside them.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pexpect

#: What is waited for, and what is typed then, on plain lines.
LINES = (
    ("Choose a family", "language"),
    ("Which kind", "sft"),
    ("called", "example"),
    ("trained on", "sample"),
    ("held out", ""),
    ("validation_split", ""),
    ("max_samples", ""),
    ("start from", "runner/tiny-llama"),
    ("group by group", "y"),
    ("Reading the data", ""),
    ("Training", ""),
    ("Hyperparameters", ""),
)
#: The same of a kind that is named with the command, up to where its questions are its own.
OF_A_KIND = (("called", "example"), ("trained on", "sample"))
#: After these answers data is read, or models are looked for: they are printed apart.
READING = {"trained on", "start from"}
#: Seconds.
THOUGHT = 3
PROMPT = r"(\] |> )$"


def computed(process: int) -> float:
    """Seconds that the first thread of a process has computed; not a number where the system does not tell it."""
    try:
        return int(Path(f"/proc/{process}/task/{process}/schedstat").read_text("ascii").split()[0]) / 1e9
    except OSError:
        return float("nan")


def once(home: Path, thought: float, kind: str | None) -> dict[str, tuple[float, float]]:
    """Seconds until each prompt, computed and gone by, by what it asks."""
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    environment |= {"RUNNER_PLAIN": "1", "RUNNER_HOME": str(home), "HF_TOKEN": "hf_none"}
    begun = time.perf_counter()
    words = ["-m", "runner", "new", *([kind] if kind else [])]
    child = pexpect.spawn(sys.executable, words, env=environment, cwd=str(home), encoding="utf-8")
    child.delaybeforesend = None
    took, before, busy = {}, "start", 0.0
    for text, typed in OF_A_KIND if kind else LINES:
        child.expect(text)
        child.expect(PROMPT)
        took[f"{text!r} after {before}"] = (computed(child.pid) - busy, time.perf_counter() - begun)
        # A person reads the first two for longer than it takes to load what comes next, and so does this.
        if thought and text in ("Choose a family", "Which kind"):
            child.expect([pexpect.TIMEOUT], timeout=thought)
        before, busy = repr(text), computed(child.pid)
        begun = time.perf_counter()
        child.sendline(typed)
    child.close(force=True)
    return took


def main() -> None:
    """Print the table."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    thought = float(sys.argv[2]) if len(sys.argv) > 2 else THOUGHT
    kind = sys.argv[3] if len(sys.argv) > 3 else None
    runs = []
    for _ in range(times):
        with tempfile.TemporaryDirectory() as home:
            runs.append(once(Path(home), thought, kind))
    bare = []
    for _ in range(times):
        before, begun = os.times(), time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        after = os.times()
        spent = after.children_user + after.children_system - before.children_user - before.children_system
        bare.append((spent, time.perf_counter() - begun))
    print("ms computed            ms gone by")
    print(f"{'median':>7}  {'slowest':>8}  {'median':>8}  {'slowest':>8}")
    _print(bare, "the bare interpreter")
    for name in runs[0]:
        told = "  (data is read)" if any(f"after '{each}'" in name for each in READING) else ""
        _print([run[name] for run in runs], name + told)


def _print(found: list[tuple[float, float]], name: str) -> None:
    busy, gone = ([1000 * each for each in column] for column in zip(*found, strict=True))
    print(f"{statistics.median(busy):7.0f}  {max(busy):8.0f}  {statistics.median(gone):8.0f}  {max(gone):8.0f}  {name}")


if __name__ == "__main__":
    main()
