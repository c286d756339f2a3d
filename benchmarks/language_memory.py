"""The memory that a language model's training is said to need, beside what it took: on the CPU, by model and method.

    python benchmarks/language_memory.py [--models tiny-llama gpt2 smollm2] [--methods full lora qlora last_layers ia3]
    python benchmarks/language_memory.py --holes 3

The estimate is what `runner train --dry-run` tells. glibc's allocator leaves holes between blocks, which fall otherwise
in every process. So the estimate of tensors alone is put beside a training whose blocks are given back
(`MALLOC_MMAP_THRESHOLD_`), which takes the same each time; with `--holes`, the whole estimate is put beside the least
and the most of so many trainings as they are. What was taken is the greatest resident size (VmHWM) of
a process that trains, without that of a bare start: a process that has imported the same libraries and has trained a
model of one layer for one step, so that what they load on first use is there. All are forks of one process that has the
libraries and nothing else. A training has three steps and a measurement after each, so that the best weights lie beside
the present ones, writes checkpoints and stores its model. `tiny-llama` comes with the program, `smollm2` with a
package, and `gpt2` is a shape of 35 million parameters, made here with random weights.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bitsandbytes  # noqa: F401
import peft  # noqa: F401
import torch
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from runner import registry
from runner.chat.messages import Conversation, Message
from runner.contract import FootprintContext, LoadedData, TrainContext
from runner.data.dialogues.row_types import ConversationRow
from runner.runs.checkpoints import RunCheckpoints
from runner.training import made_models

MIB = 2**20
#: Blocks from this size on are given back to the system at once, where it is set.
THRESHOLD = "MALLOC_MMAP_THRESHOLD_"
METHODS: dict[str, dict[str, Any]] = {
    "full": {"method": "full"},
    "lora": {"method": "lora"},
    "qlora": {"method": "qlora"},
    "last_layers": {"method": "last_layers", "num_layers": 1},
    "ia3": {"method": "ia3"},
    "dora": {"method": "dora"},
    "bitfit": {"method": "bitfit"},
}
#: Batch and greatest length by model: enough that its tensors are more than the noise of a process.
SIZES = {"tiny-llama": (64, 512), "gpt2": (8, 256), "smollm2": (2, 256)}
#: What a model has no layers for.
LACKING = {("tiny-llama", "bitfit"), ("smollm2", "bitfit")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=sorted(SIZES), default=list(SIZES))
    parser.add_argument("--methods", nargs="+", choices=sorted(METHODS), default=list(METHODS))
    parser.add_argument("--checkpointing", action="store_true")
    parser.add_argument("--holes", type=int, metavar="RUNS", help="with the allocator's holes, in so many runs")
    arguments = parser.parse_args()
    if not arguments.holes and THRESHOLD not in os.environ:
        # The C library reads it when a process begins.
        os.execve(sys.executable, sys.orig_argv, os.environ | {THRESHOLD: str(MIB // 4)})
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        names = {"tiny-llama": "runner/tiny-llama", "smollm2": "HuggingFaceTB/SmolLM2-135M-Instruct"}
        for model in arguments.models:
            # What is made is made in a process of its own, too.
            apart(lambda model=model: gpt2(home / "gpt2") if model == "gpt2" else made_models.made(names[model], home))
        names["gpt2"] = str(home / "gpt2")
        empty = apart(bare)
        print(f"a bare start: {empty / MIB:.0f} MiB, all below is beyond it, in MiB")
        print(f"{'model':12} {'method':12} {'estimate':>9} {'measured':>11} {'ratio':>11}  most while")
        for model in arguments.models:
            for method in arguments.methods:
                if (model, method) in LACKING:
                    continue
                made = spec(names[model], model, method, checkpointing=arguments.checkpointing)
                told, kept, phase = apart(lambda made=made, size=SIZES[model][0]: estimate(made, size, home))
                told -= 0 if arguments.holes else kept
                taken = sorted(
                    apart(lambda made=made, size=SIZES[model][0]: measured(made, size, home)) - empty
                    for _ in range(arguments.holes or 1)
                )
                ends = taken if len(taken) == 1 else [taken[0], taken[-1]]
                found = "-".join(f"{each / MIB:.0f}" for each in ends)
                ratio = "-".join(f"{told / each:.2f}" for each in reversed(ends))
                print(f"{model:12} {method:12} {told / MIB:9.0f} {found:>11} {ratio:>11}  {phase}", flush=True)


def apart(work: Callable[[], Any]) -> Any:
    """What ``work`` gives in a fork of this process, as JSON has it."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writes, json.dumps(work(), default=str).encode())
            os._exit(0)
        except BaseException:  # noqa: BLE001 - the parent is told that it failed, and goes on
            traceback.print_exc()
            os._exit(1)
    os.close(writes)
    with os.fdopen(reads) as file:
        told = file.read()
    if os.waitpid(child, 0)[1]:
        raise SystemExit("a process failed")
    return json.loads(told)


def greatest() -> int:
    """The greatest resident size of this process so far, bytes."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024


def bare() -> int:
    """The libraries, and one step of a model of one layer."""
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1
    ))  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters())
    model(input_ids=torch.zeros(2, 8, dtype=torch.int64)).logits.logsumexp(-1).sum().backward()
    optimizer.step()
    return greatest()


def spec(base: str, model: str, method: str, *, checkpointing: bool) -> Any:
    document = {
        "model_type": "sft",
        "base_model_name": base,
        "finetuning_spec": METHODS[method],
        "max_length": SIZES[model][1],
        "max_steps": 3,
        "evaluation": {"every": 1},
        "gradient_checkpointing": checkpointing,
    }
    return registry.load("sft").Spec.model_validate_json(json.dumps(document))


def estimate(made: Any, size: int, home: Path) -> tuple[int, int, str]:
    """Bytes, those of them that the allocator keeps, and the phase that has the most."""
    context = FootprintContext(data(), 1, size, 42, "cpu", None, home, lambda *_, **__: None)
    figures = registry.load("sft").estimate(made, context).figures
    memory = figures["memory"]
    return memory["peak"], memory["parts"].get("kept by the allocator", 0), memory["phase"]


def measured(made: Any, size: int, home: Path) -> int:
    """The greatest resident size of a training, bytes."""

    def silent(*_: Any, **__: Any) -> None:
        pass

    with tempfile.TemporaryDirectory(dir=home) as folder:
        artifact = Path(folder) / "artifact"
        artifact.mkdir()
        context = TrainContext(
            data=data(), epochs=1, batch_size=size, seed=42, device="cpu", print_every=1, emit=silent,
            checkpoints=RunCheckpoints(Path(folder) / "checkpoints", silent), stop_requested=lambda: False,
            artifact=artifact, start_from=None, cache=home,
        )  # fmt: skip
        registry.load("sft").train(made, context)
    return greatest()


def data() -> LoadedData:
    found = rows()
    return LoadedData(found[:190], found[190:], "0" * 64, {})


def rows() -> list[ConversationRow]:
    """Conversations of 50 to 800 letters, the same every time."""
    draw = random.Random(0)
    words = ["the", "of", "what", "how", "write", "code", "list", "explain", "number", "story", "please", "function"]

    def turn(role: Any) -> Message:
        return Message(role, " ".join(draw.choices(words, k=draw.randint(5, 70))))

    return [ConversationRow(at, Conversation((turn("user"), turn("assistant")))) for at in range(1, 201)]


def gpt2(folder: Path) -> Path:
    """Another architecture: six layers of width 512, learned positions, biases, dropout in its attention."""
    tiny = made_models.made(made_models.TINY, folder.parent)
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    tokenizer.save_pretrained(folder)
    config = GPT2Config(vocab_size=32000, n_embd=512, n_layer=6, n_head=8, n_positions=1024,
                        bos_token_id=None, eos_token_id=tokenizer.eos_token_id)  # fmt: skip
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


if __name__ == "__main__":
    main()
