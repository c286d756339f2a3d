"""How long the wizard takes to begin, and from an answer to the next prompt, at a real terminal.

    .venv/bin/python benchmarks/wizard.py [TIMES [THOUGHT]]

Prints the median and the slowest of TIMES (default 10) conversations: from the command to its first prompt, and from
Enter to the next prompt where no data is read. THOUGHT seconds (default 3) are taken to choose a family, and a kind;
with 0 both are answered at once. The bare interpreter's own start is printed beside them.
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
#: After these answers data is read, or models are looked for: they are printed apart.
READING = {"trained on", "start from"}
#: Seconds.
THOUGHT = 3
PROMPT = r"(\] |> )$"


def once(home: Path, thought: float) -> dict[str, float]:
    """Seconds until each prompt, by what it asks."""
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    environment |= {"RUNNER_PLAIN": "1", "RUNNER_HOME": str(home), "HF_TOKEN": "hf_none"}
    begun = time.perf_counter()
    child = pexpect.spawn(sys.executable, ["-m", "runner", "new"], env=environment, cwd=str(home), encoding="utf-8")
    child.delaybeforesend = None
    took, before = {}, "start"
    for text, typed in LINES:
        child.expect(text)
        child.expect(PROMPT)
        took[f"{text!r} after {before}"] = time.perf_counter() - begun
        # A person reads the first two for longer than it takes to load what comes next, and so does this.
        if thought and text in ("Choose a family", "Which kind"):
            child.expect([pexpect.TIMEOUT], timeout=thought)
        before = repr(text)
        begun = time.perf_counter()
        child.sendline(typed)
    child.close(force=True)
    return took


def main() -> None:
    """Print the table."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    thought = float(sys.argv[2]) if len(sys.argv) > 2 else THOUGHT
    runs = []
    for _ in range(times):
        with tempfile.TemporaryDirectory() as home:
            runs.append(once(Path(home), thought))
    bare = []
    for _ in range(times):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        bare.append(time.perf_counter() - begun)
    print(f"{'ms':>8}  {'slowest':>8}")
    print(f"{1000 * statistics.median(bare):8.0f}  {1000 * max(bare):8.0f}  the bare interpreter")
    for name in runs[0]:
        found = [1000 * run[name] for run in runs]
        told = "  (data is read)" if any(f"after '{each}'" in name for each in READING) else ""
        print(f"{statistics.median(found):8.0f}  {max(found):8.0f}  {name}{told}")


if __name__ == "__main__":
    main()
