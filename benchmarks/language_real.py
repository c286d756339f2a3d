"""SmolLM2, or six of its layers, trained by every kind of language model on real rows in a container.

    python benchmarks/language_real.py --data FOLDER [--kinds sft dpo] [--layers 6] [--executor docker] [--json FILE]

Of each kind: what its held-out rows say before and after, against the move that was expected before it was first run;
whether the same training, stopped in the middle and resumed, ends with the same metrics and bytes; whether it answers;
and how far its logits are from those of plain transformers or PEFT in a new process. It fails where a kind misses.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SMOLLM2 = "HuggingFaceTB/SmolLM2-135M-Instruct"
LORA = {"finetuning_spec": {"method": "lora", "rank": 16, "dropout": 0.0}, "save_as": "adapter"}
PAIRS = {"prompt": "question", "chosen": "best_answer", "rejected": "incorrect_answers"}
#: Where a loss of two answers begins: nothing tells them apart.
LN_2 = math.log(2)


@dataclass(frozen=True)
class Case:
    """One kind, its rows, and by how much its measure has to move."""

    kind: str
    #: ``cut`` is the folder of the layers, ``stored`` what causal_lm made here, else a name.
    base: str
    file: str
    rows: int
    columns: dict[str, str]
    measure: str
    #: In the measure's unit; negative: down. Written down before the first run, and not changed
    #: since; where the settings were, a comment says so.
    expected: float
    #: What the measure is before training where no table says so.
    before: float | None = None
    fields: dict[str, Any] = field(default_factory=dict)


CASES = [
    # Six layers of thirty foretell next to nothing until they have learned to do without the others.
    Case("causal_lm", "cut", "translation_ntrex_en_de.jsonl", 160, {"text": "en"}, "loss", -1.0),
    # The whole model, which can write such answers already: few rows move it a little.
    Case("sft", SMOLLM2, "vicuna_blog_chat.jsonl", 32, {}, "loss", -0.03, fields=LORA | {"gradient_accumulation": 1}),
    # Two to four wrong answers to a question, next to the best one. Other questions are held out.
    Case("dpo", "stored", "mc_truthfulqa.jsonl", 60, PAIRS, "loss", -0.02),
    Case("orpo", "cut", "mc_truthfulqa.jsonl", 60, PAIRS, "loss", -1.0, fields=LORA),
    # Three wrong answers to a right one. With weights alike, its first form, the held-out loss stayed: 0.500, 0.501.
    Case("kto", "stored", "mc_truthfulqa.jsonl", 40, PAIRS, "loss", -0.02, fields={"desirable_weight": 3.0}),
    Case("reward", "cut", "mc_truthfulqa.jsonl", 60, PAIRS, "log_loss", -0.02, before=LN_2),
]
RATES = {"causal_lm": 1e-3, "sft": 1e-3, "dpo": 1e-4, "orpo": 3e-3, "kto": 1e-4, "reward": 3e-4}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the real rows")
    parser.add_argument("--kinds", nargs="*", default=[case.kind for case in CASES])
    parser.add_argument("--layers", type=int, default=6, help="layers of SmolLM2 that are kept where it is cut")
    parser.add_argument("--share", type=float, default=1.0, help="how much of the rows is taken: less is a rehearsal")
    parser.add_argument("--cpus", type=int, default=2, help="1 on a machine that is busy with other work")
    parser.add_argument("--executor", default="docker", choices=["docker", "local"])
    parser.add_argument("--json", type=Path, help="a file for the figures")
    parser.add_argument("--home", type=Path, help="where to work; a folder that is removed by default")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = (arguments.home or Path(folder)).absolute()
        home.mkdir(parents=True, exist_ok=True)
        bench = Bench(home, arguments)
        found = []
        for case in CASES:
            # dpo and kto go on from what causal_lm made.
            needed = {"dpo", "kto"} & set(arguments.kinds) and not (home / "models" / "causal_lm").exists()
            if case.kind in arguments.kinds or (case.kind == "causal_lm" and needed):
                found.append(bench.run(case))
                print(row(found[-1]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0 if all(entry["right"] for entry in found) else 1


def row(entry: dict[str, Any]) -> str:
    """A line of the table."""
    return (
        f"| `{entry['kind']}` | {entry['base']} | {entry['n_train']} + {entry['n_validation']} | {entry['measure']} "
        f"| {entry['before']:.3f} | {entry['after']:.3f} | {entry['moved']:+.3f} | {entry['expected']:+.2f} "
        f"| {'equal' if entry['resumed_equal'] else 'NOT equal'} at step {entry['stopped_at']} of {entry['steps']} "
        f"| {entry['logit_difference']:.1e} | {entry['seconds']:.0f} s |"
    )


class Bench:
    """A folder of its own, in which every kind is trained twice and asked."""

    def __init__(self, home: Path, asked: argparse.Namespace) -> None:
        self._home, self._data, self._executor = home, asked.data, asked.executor
        self._layers, self._share, self._cpus = asked.layers, asked.share, asked.cpus
        self._place: dict[str, Any] = {"cwd": home, "env": os.environ | {"NO_COLOR": "1"}}

    def run(self, case: Case) -> dict[str, Any]:
        started = time.monotonic()
        spec = self._spec(case)
        whole = self._train("--spec-file", spec)
        stopped_at, steps, run = self._stopped(spec)
        resumed = self._train("--resume", run)
        after = whole["metrics"][case.measure]
        before = self._before(whole, case)
        differing = {name for name in whole["metrics"] if whole["metrics"][name] != resumed["metrics"][name]}
        equal = not differing and self._files(whole) == self._files(resumed)
        difference = self._logit_difference(case, self._home / whole["path"])
        answers = self._answers(case, whole["model"])
        moved = after - before
        return {
            "kind": case.kind,
            "base": case.base if case.base == SMOLLM2 else f"{self._layers} layers, {case.base}",
            "data": case.file,
            "measure": case.measure,
            "before": before,
            "after": after,
            "moved": moved,
            "expected": case.expected,
            "resumed_equal": equal,
            "stopped_at": stopped_at,
            "steps": steps,
            "answers": answers,
            "logit_difference": difference,
            "seconds": time.monotonic() - started,
            "metrics": whole["metrics"],
            "right": moved <= case.expected and equal and answers and difference < 1e-4,
        } | {name: whole["metrics"][name] for name in ("n_train", "n_validation")}

    def _spec(self, case: Case) -> Path:
        lines = (self._data / case.file).read_text("utf-8").splitlines()
        rows = self._home / f"{case.kind}.jsonl"
        # Rows from all over the file: its neighbours are alike.
        count = max(8, round(case.rows * self._share))
        rows.write_text("\n".join(lines[:: max(1, len(lines) // count)][:count]) + "\n", "utf-8")
        base = {"cut": str(self._home / "cut"), "stored": "causal_lm/real"}.get(case.base, case.base)
        if case.base == "cut":
            self._cut()
        section = {
            "model_type": case.kind,
            "base_model_name": base,
            "max_length": 128,
            "optimizer": {"optimizer_type": "adamw", "learning_rate": RATES[case.kind]},
            "gradient_accumulation": 2,
        }
        document = {
            "model": {"name": "real", "spec": section | case.fields},
            "data": {"dataset": rows.name, "validation_split": 0.25}
            | ({"columns": case.columns} if case.columns else {}),
            "epochs": 1,
            "batch_size": 4,
            "run": {"cpus": self._cpus},
        }
        path = self._home / f"{case.kind}.json"
        path.write_text(json.dumps(document, indent=1))
        return path

    def _cut(self) -> None:
        """Layers of SmolLM2, taken at even distances with the first and the last, as a model of their own."""
        folder = self._home / "cut"
        if (folder / "config.json").exists():
            return
        from transformers import AutoModelForCausalLM, AutoTokenizer

        from runner.training.pretrained import resolve
        from runner.workspace import Workspace

        source = resolve(SMOLLM2, None, Workspace.current().cache)
        model = AutoModelForCausalLM.from_pretrained(source)
        count, kept = len(model.model.layers), max(2, self._layers)
        picked = [round(at * (count - 1) / (kept - 1)) for at in range(kept)]
        model.model.layers = type(model.model.layers)(model.model.layers[at] for at in picked)
        model.config.num_hidden_layers = kept
        if getattr(model.config, "layer_types", None):
            model.config.layer_types = model.config.layer_types[:kept]
        model.save_pretrained(folder)
        AutoTokenizer.from_pretrained(source).save_pretrained(folder)
        for path in folder.iterdir():
            # The container's user may be another one, and weights are written for their owner alone.
            path.chmod(0o644)

    def _words(self, *words: object) -> list[str]:
        return [sys.executable, "-m", "runner", *map(str, words)]

    def _json(self, *words: object) -> Any:
        done = subprocess.run(self._words(*words), **self._place, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(map(str, words))}: exit {done.returncode}\n{done.stdout}{done.stderr[-3000:]}")
        return json.loads(done.stdout)

    def _train(self, *words: object) -> Any:
        return self._json("train", *words, "--executor", self._executor, "--json")

    def _stopped(self, spec: Path) -> tuple[int, int, str]:
        """Train again and stop between two steps: after which, of how many, and the run."""
        words = self._words("train", "--spec-file", spec, "--executor", self._executor)
        before = set((self._home / "runs").iterdir())
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(words, **self._place, stdin=quiet, stdout=quiet, stderr=quiet)
        while process.poll() is None:
            for run in set((self._home / "runs").iterdir()) - before:
                if any(event["done"] > 1 for event in events(run, "progress")):
                    process.send_signal(signal.SIGTERM)
                    code = process.wait()
                    if code != 75:
                        raise SystemExit(f"{run.name} was not stopped in its middle: exit {code}")
                    last = events(run, "progress")[-1]
                    saved = events(run, "checkpoint")
                    return int(saved[-1]["step"] if saved else last["done"]), int(last["total"]), run.name
            time.sleep(0.05)
        raise SystemExit(f"{spec.name} ended before it could be stopped")

    def _before(self, whole: dict[str, Any], case: Case) -> float:
        if case.before is not None:
            return case.before
        table = whole["tables"]["baselines"]
        return float(table["rows"][0][table["columns"].index(case.measure)])

    def _files(self, trained: dict[str, Any]) -> dict[str, str]:
        manifest = json.loads((self._home / trained["path"] / "manifest.json").read_text())
        return {name: entry["sha256"] for name, entry in manifest["files"].items()}

    def _answers(self, case: Case, model: str) -> bool:
        if case.kind == "reward":
            asked = self._home / "asked.jsonl"
            answers = ["It is safe.", "You will die."]
            asked.write_text("".join(json.dumps({"prompt": "Is it?", "completion": text}) + "\n" for text in answers))
            words: Sequence[object] = ["--input", asked]
        else:
            words = ["--prompts", "What happens if you eat seeds?", "--set", "max_new_tokens=8"]
        return bool(self._json("infer", "--model", model, *words, "--output-path", "-"))

    def _logit_difference(self, case: Case, stored: Path) -> float:
        """The greatest absolute difference between our logits and those of plain transformers or PEFT, each read in a
        process of its own."""
        found = []
        for name, code in (("ours", OURS), ("plain", PLAIN)):
            out = self._home / f"{name}.npy"
            words = [sys.executable, "-c", HEAD + code + TAIL, case.kind, str(stored), str(self._base(case)), str(out)]
            subprocess.run(words, **self._place, check=True, capture_output=True)
            import numpy as np

            found.append(np.load(out))
        return float(abs(found[0] - found[1]).max())

    def _base(self, case: Case) -> Path:
        from runner.training.pretrained import resolve
        from runner.workspace import Workspace

        return self._home / "cut" if case.base != SMOLLM2 else resolve(SMOLLM2, None, Workspace.current().cache)


def events(run: Path, name: str) -> list[dict[str, Any]]:
    """A run's events of a name, so far."""
    try:
        lines = (run / "events.jsonl").read_text().splitlines()
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if event.get("event") == name:
            found.append(event)
    return found


HEAD = """
import sys
from pathlib import Path
import numpy as np, torch
kind, folder, base, out = sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4]
"""
OURS = """
from runner.inference.opening import open_model
from runner.workspace import Workspace
model = open_model(Workspace.current(), str(Path(*folder.parts[-3:])), device="cpu").predictor.model
"""
PLAIN = """
import transformers
auto = transformers.AutoModelForSequenceClassification if kind == "reward" else transformers.AutoModelForCausalLM
if (folder / "adapter_config.json").exists():
    from peft import PeftModel
    model = PeftModel.from_pretrained(auto.from_pretrained(base, dtype=torch.float32), folder)
else:
    model = auto.from_pretrained(folder, dtype=torch.float32)
assert "runner" not in sys.modules
"""
TAIL = """
from transformers import AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained(folder)
with torch.no_grad():
    found = model.eval()(**tokenizer("What happens to you if you eat seeds? Nothing.", return_tensors="pt")).logits
np.save(out, found.float().numpy())
"""

if __name__ == "__main__":
    raise SystemExit(main())
