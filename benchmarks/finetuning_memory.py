"""The memory that a fine-tuning is said to need, beside what it took: on the CPU, by kind and method.

    python benchmarks/finetuning_memory.py [--kinds text_classification seq2seq ...] [--methods full lora] [--json]

The estimate is what `runner train --dry-run` tells. What was taken is the greatest resident size (VmHWM) of a process
that trains, without that of a bare start: a process that has trained the packaged tiny model on the same rows for one
step, so that what libraries load on first use is there. All are forks of one process that has the libraries and nothing
else. A training has two steps and a measurement after each, so that the best weights lie beside the present ones,
writes checkpoints and stores its model. The models are shapes of 8 to 15 million parameters, made here at random.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import scipy  # noqa: F401
import sentence_transformers  # noqa: F401
import torch
import transformers
from language_memory import METHODS, MIB, apart, greatest

from runner import registry
from runner.contract import FootprintContext, LoadContext, LoadedData, TrainContext
from runner.runs.checkpoints import RunCheckpoints
from runner.training import made_models

BERT = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 6, "intermediate_size": 1536}
T5 = {"d_model": 384, "num_layers": 4, "num_decoder_layers": 4, "num_heads": 6, "d_kv": 64, "d_ff": 1024}
#: Of each kind: the packaged model, its class, what is larger of its shape, the batch, and fields.
KINDS: dict[str, tuple[str, str, dict[str, Any], int, dict[str, Any]]] = {
    "text_classification": ("runner/tiny-bert", "AutoModel", BERT, 64, {}),
    "text_regression": ("runner/tiny-bert", "AutoModel", BERT, 64, {}),
    "token_classification": ("runner/tiny-bert", "AutoModel", BERT, 32, {"max_length": 64, "stride": 16}),
    "extractive_qa": ("runner/tiny-bert", "AutoModel", BERT, 16, {"max_length": 96, "doc_stride": 16}),
    "cross_encoder": ("runner/tiny-bert", "AutoModel", BERT, 32, {"max_length": 64}),
    "sentence_embedding": ("runner/tiny-bert", "AutoModel", BERT, 32, {"max_length": 64}),
    "seq2seq": ("runner/tiny-t5", "AutoModelForSeq2SeqLM", T5, 16, {"max_length": 96, "max_target_length": 80}),
    "image_classification": ("runner/tiny-vit", "AutoModel", BERT, 64, {}),
    "image_regression": ("runner/tiny-vit", "AutoModel", BERT, 64, {}),
    "object_detection": ("runner/tiny-yolos", "AutoModelForObjectDetection", BERT, 16, {"image_size": 128}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", choices=sorted(KINDS), default=list(KINDS))
    parser.add_argument("--methods", nargs="+", choices=sorted(METHODS), default=["full", "lora"])
    parser.add_argument("--checkpointing", action="store_true")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        for kind in arguments.kinds:
            apart(lambda kind=kind: str(base(kind, home)))
            tiny = spec(kind, KINDS[kind][0], {"max_steps": 1})
            empty = apart(lambda kind=kind, tiny=tiny: measured(kind, tiny, home))
            for method in arguments.methods:
                more = {"finetuning_spec": METHODS[method], "gradient_checkpointing": arguments.checkpointing}
                made = spec(kind, str(home / kind), {"max_steps": 2, "evaluation": {"every": 1}} | more)
                told, phase = apart(lambda kind=kind, made=made: estimate(kind, made, home))
                taken = apart(lambda kind=kind, made=made: measured(kind, made, home)) - empty
                if arguments.json:
                    print(json.dumps({"kind": kind, "method": method, "estimate": told, "measured": taken}), flush=True)
                    continue
                sizes = f"{told / MIB:9.0f} {taken / MIB:9.0f} {told / taken:6.2f}"
                print(f"{kind:22} {method:8} {sizes}  {phase}", flush=True)


def base(kind: str, home: Path) -> Path:
    """A larger model of the packaged one's shape, beside the packaged one's tokenizer or processor."""
    name, auto, larger, _, _ = KINDS[kind]
    tiny = made_models.made(name, home)
    config = transformers.AutoConfig.from_pretrained(tiny)
    for field, value in larger.items():
        setattr(config, field, value)
    folder = home / kind
    getattr(transformers, auto).from_config(config).save_pretrained(folder)
    for path in tiny.iterdir():
        if not (folder / path.name).exists() and not path.name.startswith("model"):
            shutil.copyfile(path, folder / path.name)
    return folder


def spec(kind: str, name: str, more: dict[str, Any]) -> Any:
    document = {"model_type": kind, "base_model_name": name} | KINDS[kind][4] | more
    return registry.load(kind).Spec.model_validate_json(json.dumps(document))


def data(made: Any, home: Path) -> LoadedData:
    section = type(made).data.model_validate({"dataset": "sample"})
    found: LoadedData = section.load(LoadContext(made, home, silent))
    return found


def silent(*_: Any, **__: Any) -> None:
    pass


def estimate(kind: str, made: Any, home: Path) -> tuple[int, str]:
    """Bytes, and the phase that has the most."""
    context = FootprintContext(data(made, home), 4, KINDS[kind][3], 42, "cpu", None, home, silent)
    found = registry.load(kind).estimate(made, context)
    if found.memory is None:
        raise SystemExit("; ".join(found.notes))
    return found.memory, found.figures["memory"]["phase"]


def measured(kind: str, made: Any, home: Path) -> int:
    """The greatest resident size of a training, bytes."""
    with tempfile.TemporaryDirectory(dir=home) as folder:
        artifact = Path(folder) / "artifact"
        artifact.mkdir()
        context = TrainContext(
            data=data(made, home), epochs=4, batch_size=KINDS[kind][3], seed=42, device="cpu", print_every=1,
            emit=silent, checkpoints=RunCheckpoints(Path(folder) / "checkpoints", silent),
            stop_requested=lambda: False, artifact=artifact, start_from=None, cache=home,
        )  # fmt: skip
        registry.load(kind).train(made, context)
    return greatest()


if __name__ == "__main__":
    main()
