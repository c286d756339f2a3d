"""The memory that a language model's training is said to need, beside what it took: on the CPU, by model and method.

    python benchmarks/language_memory.py [--models tiny-llama gpt2 smollm2] [--methods full lora qlora last_layers ia3]

The estimate is `runner train --dry-run`'s. What was taken is the greatest resident size of the run's worker, without
that of a bare start: a process of its own that has imported the same libraries and has trained a model of one layer for
one step, so that what they load on first use is there. Each run trains three steps with a measurement after the first,
so that the best weights lie beside the present ones. `tiny-llama` comes with the program, `smollm2` with a package, and
`gpt2` is a shape of 35 million parameters, made here with random weights.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

METHODS: dict[str, dict[str, Any]] = {
    "full": {"method": "full"},
    "lora": {"method": "lora"},
    "qlora": {"method": "qlora"},
    "last_layers": {"method": "last_layers", "num_layers": 1},
    "ia3": {"method": "ia3"},
    "dora": {"method": "dora"},
    "bitfit": {"method": "bitfit"},
}
ADAPTERS = {"lora", "qlora", "ia3", "dora"}
#: Batch and greatest length by model: enough that its tensors are more than the noise of a process.
SIZES = {"tiny-llama": (64, 512), "gpt2": (8, 256), "smollm2": (4, 256)}
#: What a model has no layers for.
LACKING = {("tiny-llama", "bitfit"), ("smollm2", "bitfit")}
BARE = """
import sys
from pathlib import Path
from runner import registry
from runner.execution import worker
worker.seed_everything(0, True)
import torch
registry.load("sft").train
if sys.argv[2] == "adapters":
    import peft
from transformers import AutoConfig, AutoModelForCausalLM
shape = {"num_hidden_layers": 1, "hidden_size": 8, "num_attention_heads": 1, "num_key_value_heads": 1, "vocab_size": 8}
if sys.argv[1] == "gpt2":
    shape.pop("num_key_value_heads")
model = AutoModelForCausalLM.from_config(AutoConfig.for_model(sys.argv[1], **shape))
optimizer = torch.optim.AdamW(model.parameters())
model(input_ids=torch.zeros(2, 8, dtype=torch.int64)).logits.logsumexp(-1).sum().backward()
optimizer.step()
status = Path("/proc/self/status").read_text()
print(int(status.split("VmHWM:")[1].split()[0]) * 1024)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=sorted(SIZES), default=list(SIZES))
    parser.add_argument("--methods", nargs="+", choices=sorted(METHODS), default=list(METHODS))
    parser.add_argument("--checkpointing", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        names = {"tiny-llama": "runner/tiny-llama", "smollm2": "HuggingFaceTB/SmolLM2-135M-Instruct"}
        if "gpt2" in arguments.models:
            names["gpt2"] = str(gpt2(home / "gpt2"))
        rows(home / "rows.jsonl")
        print(f"{'model':12} {'method':12} {'bare':>6} {'estimate':>9} {'measured':>9} {'ratio':>6}  most while")
        for model in arguments.models:
            for method in arguments.methods:
                if (model, method) not in LACKING:
                    document = spec(names[model], model, method, checkpointing=arguments.checkpointing)
                    told, phase = estimate(document, home)
                    empty = bare(model, method)
                    taken = measured(document, home) - empty
                    sizes = f"{empty / 2**20:6.0f} {told / 2**20:9.0f} {taken / 2**20:9.0f}"
                    print(f"{model:12} {method:12} {sizes} {told / taken:6.2f}  {phase}", flush=True)


def spec(base: str, model: str, method: str, *, checkpointing: bool) -> dict[str, Any]:
    batch, length = SIZES[model]
    return {
        "model": {
            "name": f"{model}-{method.replace('_', '-')}",
            "spec": {
                "model_type": "sft",
                "base_model_name": base,
                "finetuning_spec": METHODS[method],
                "max_length": length,
                "max_steps": 3,
                "eval_every": 1,
                "gradient_checkpointing": checkpointing,
            },
        },
        "data": {"dataset": "rows.jsonl", "validation_split": 0.05},
        "batch_size": batch,
        "epochs": 1,
        "run": {"gpus": 0},
    }


def bare(model: str, method: str) -> int:
    """The greatest resident size of a process with the libraries alone, bytes."""
    words = ["gpt2" if model == "gpt2" else "llama", "adapters" if method in ADAPTERS else "none"]
    command = [sys.executable, "-c", BARE, *words]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def estimate(document: dict[str, Any], home: Path) -> tuple[int, str]:
    """Bytes, and the phase that has the most."""
    footprint = train(document, home, "--dry-run")["footprint"]
    return footprint["memory"], footprint["figures"]["memory"]["phase"]


def measured(document: dict[str, Any], home: Path) -> int:
    """The greatest resident size of the worker, bytes."""
    run = train(document, home)["run"]
    return int(json.loads((home / "runs" / run / "outcome.json").read_text())["peak_memory"])


def train(document: dict[str, Any], home: Path, *flags: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "runner", "train", "--executor", "local", "--json", *flags]
    done = subprocess.run(
        command, input=json.dumps(document), capture_output=True, text=True, cwd=home,
        env=os.environ | {"RUNNER_HOME": str(home)},
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr + done.stdout)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def rows(path: Path) -> None:
    """Conversations of 50 to 800 letters, the same every time."""
    draw = random.Random(0)
    words = ["the", "of", "what", "how", "write", "code", "list", "explain", "number", "story", "please", "function"]
    with path.open("w") as file:
        for _ in range(400):
            turns = [" ".join(draw.choices(words, k=draw.randint(5, 70))) for _ in range(2)]
            roles = ("user", "assistant")
            messages = [{"role": role, "content": text} for role, text in zip(roles, turns, strict=True)]
            file.write(json.dumps({"messages": messages}) + "\n")


def gpt2(folder: Path) -> Path:
    """Another architecture: six layers of width 512, learned positions, biases, dropout in its attention."""
    from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

    from runner.training import made_models

    tiny = made_models.made(made_models.TINY, folder.parent)
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    tokenizer.save_pretrained(folder)
    config = GPT2Config(vocab_size=32000, n_embd=512, n_layer=6, n_head=8, n_positions=1024,
                        bos_token_id=None, eos_token_id=tokenizer.eos_token_id)  # fmt: skip
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


if __name__ == "__main__":
    main()
