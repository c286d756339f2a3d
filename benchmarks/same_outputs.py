"""What `train`, `infer`, `route` and `compare` put out for a fixed seed, saved once and compared later.

    python benchmarks/same_outputs.py save FOLDER        with the code as it was
    python benchmarks/same_outputs.py against FOLDER     with the code as it is

Every router's example that trains on the packaged sample is trained locally. Metrics are compared to 1e-12, files by
their bytes. Both sides have to be run on one machine: another processor rounds otherwise.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Container
from pathlib import Path
from typing import Any

from runner import registry

ROOT = Path(__file__).resolve().parent.parent
PROMPTS = ["What is 17 plus 4?", "Name the capital of France.", "Write a haiku about the sea.", "Translate: cat"]
#: Tasks of the kinds that learn from comparisons of LLMs.
ROUTERS = ("ranking", "length")
#: What differs between two runs of anything.
VOLATILE = {
    "run", "run_directory", "path", "created", "seconds", "notes", "timestamp", "code", "lock", "peak_memory", "took",
    "fit_seconds", "inference_seconds", "inference_ms_per_1000_pairs", "files", "source", "runner",
}  # fmt: skip


def call(*words: str, folder: Path) -> str:
    env = os.environ | {"RUNNER_HOME": str(folder), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-m", "runner", *words], cwd=ROOT, env=env, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(words)}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout


def steady(value: Any) -> Any:
    """A document without what no two runs share."""
    if isinstance(value, dict):
        return {key: steady(inner) for key, inner in value.items() if key not in VOLATILE}
    return [steady(inner) for inner in value] if isinstance(value, list) else value


def collect(folder: Path, wanted: Container[str] | None = None) -> dict[str, Any]:
    """What every example puts out; of ``wanted`` alone, where it is given: what came later has nothing to equal."""
    found: dict[str, Any] = {}
    costs = folder / "costs.json"
    costs.write_text(json.dumps({"word-arithmetic": 0.5, "dictionary": 0.1, "string-rules": 0.01}))
    for path in sorted((ROOT / "specs").glob("*.json")):
        spec = json.loads(path.read_text())
        if spec["data"].get("dataset") != "sample" or (wanted is not None and path.stem not in wanted):
            continue
        kind, name = spec["model"]["spec"]["model_type"], spec["model"]["name"]
        task = registry.load(kind).TASK.name
        if task not in ROUTERS:
            continue
        print(kind, name, file=sys.stderr)
        result = json.loads(call("train", "--spec-file", str(path), "--executor", "local", "--json", folder=folder))
        stored = Path(result["path"])
        files = {
            str(file.relative_to(stored)): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in sorted(stored.rglob("*"))
            if file.is_file() and file.name != "manifest.json"
        }
        entry = {"metrics": result["metrics"], "tables": result["tables"], "files": files}
        for form in ("json", "jsonl"):
            target = folder / f"{path.stem}.{form}"
            call(
                "infer", "--model", f"{kind}/{name}", "--prompts", *PROMPTS, "--output-path", str(target), folder=folder
            )
            entry[f"infer.{form}"] = target.read_text()
        if task == "ranking":
            target = folder / f"{path.stem}-route.json"
            call("route", "--model", f"{kind}/{name}", "--costs", str(costs), "--prompts", *PROMPTS,
                 "--trade-off", "0.2", "--output-path", str(target), folder=folder)  # fmt: skip
            entry["route"] = steady(json.loads(target.read_text()))
        found[path.stem] = entry
    specs = [str(ROOT / "specs" / f"{kind}.json") for kind in ("elo_scoring", "least_squares_scoring", "dense_network")]
    words = (
        "compare",
        *specs,
        "--data",
        "sample",
        "--executor",
        "local",
        "--output-dir",
        str(folder / "bench"),
        "--json",
    )
    found["compare"] = {"document": steady(json.loads(call(*words, folder=folder)))}
    return found


def differences(before: Any, now: Any, where: str = "") -> list[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        return [
            fault
            for key in sorted({*before, *now})
            for fault in differences(before.get(key), now.get(key), f"{where}/{key}")
        ]
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        return [
            fault
            for at, pair in enumerate(zip(before, now, strict=True))
            for fault in differences(*pair, f"{where}/{at}")
        ]
    if isinstance(before, float) and isinstance(now, float):
        same = math.isclose(before, now, rel_tol=1e-12, abs_tol=1e-12)
    else:
        same = before == now
    return [] if same else [f"{where}: {str(before)[:120]} -> {str(now)[:120]}"]


def main() -> None:
    if len(sys.argv) != 3 or sys.argv[1] not in ("save", "against"):
        sys.exit(__doc__)
    verb, folder = sys.argv[1], Path(sys.argv[2])
    before = json.loads((folder / "outputs.json").read_text()) if verb == "against" else None
    with tempfile.TemporaryDirectory() as scratch:
        found = collect(Path(scratch), before)
    if verb == "save":
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "outputs.json").write_text(json.dumps(found, indent=1))
        return
    faults = differences(before, found)
    print("\n".join(faults) or f"equal: {len(found)} entries")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
