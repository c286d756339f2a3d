"""By how much a process grows that trains on a large file, beside one that has trained on a small one of its kind.

It is the peak of the child's resident memory: what the program takes by itself, its libraries and its model, is in
what the small training took, so that the rest is what the large file's rows take.
"""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image
from pyarrow import parquet

#: Long words, of which most tokenizers of encoders make one token each, so that they are read quickly.
WORDS = ["".join(random.Random(at).choices("abcdefghij", k=150)) for at in range(50)]


def _turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _question(at: int, text: str) -> dict[str, Any]:
    return {
        "context": f"{at} {text}",
        "question": f"Which is {at}?",
        "answers": {"text": [f"{at}"], "answer_start": [0]},
    }


def _picture(at: int, text: str) -> dict[str, Any]:
    file, side = io.BytesIO(), max(8, int(len(text) ** 0.5))
    pixels = np.random.default_rng(at).integers(0, 255, (side, side // 3, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "PNG", compress_level=0)
    return {"image": file.getvalue(), "label": "ab"[at % 2]}


#: Of each kind that stands for a layout: what its base is, its fields, and the row of a number and a text.
KINDS: dict[str, tuple[dict[str, Any], Callable[[int, str], dict[str, Any]]]] = {
    "text_classification": ({"max_length": 32}, lambda at, text: {"text": f"{at} {text}", "label": "ab"[at % 2]}),
    "text_regression": ({"max_length": 32}, lambda at, text: {"text": f"{at} {text}", "label": at / 7}),
    "token_classification": (
        {"max_length": 32, "stride": 4},
        lambda at, text: {"tokens": [f"{at}", *text.split()], "tags": ["B-x", *["O"] * len(text.split())]},
    ),
    "extractive_qa": ({"max_length": 32, "doc_stride": 4}, _question),
    "seq2seq": (
        {"max_length": 32, "max_target_length": 8, "evaluation": {"limit": 2}},
        lambda at, text: {"source": f"{at} {text}", "target": f"{at}"},
    ),
    "cross_encoder": (
        {"max_length": 32},
        lambda at, text: {"sentence1": f"{at} {text}", "sentence2": f"{at}", "score": at % 5 / 4},
    ),
    "sentence_embedding": (
        {"max_length": 32},
        lambda at, text: {"sentence1": f"{at} {text}", "sentence2": f"{at}", "score": at % 5 / 4},
    ),
    "causal_lm": ({"max_length": 32}, lambda at, text: {"text": f"{at} {text}"}),
    "sft": (
        {"max_length": 32},
        lambda at, text: {"messages": [_turn("user", f"{at}"), _turn("assistant", f"{at} {text}")]},
    ),
    "dpo": (
        {"max_length": 32},
        lambda at, text: {"prompt": f"{at}", "chosen": f"{at} {text}", "rejected": f"no {at}"},
    ),
    "kto": (
        {"max_length": 32},
        lambda at, text: {"prompt": f"{at}", "completion": f"{at} {text}", "label": at % 2 == 0},
    ),
    "grpo": (
        {"max_length": 4096, "max_new_tokens": 2, "rewards": {"short": {"reward_type": "length", "most": 1}}},
        lambda at, text: {"prompt": f"{at}", "answer": text},
    ),
    "image_classification": ({}, _picture),
}  # fmt: skip
BASES = {"seq2seq": "runner/tiny-t5", "image_classification": "runner/tiny-vit"}
LANGUAGE = ("causal_lm", "sft", "dpo", "kto", "grpo")


def document(kind: str) -> dict[str, Any]:
    """A spec of two steps of a kind; its data set is to be named."""
    base = BASES.get(kind, "runner/tiny-llama" if kind in LANGUAGE else "runner/tiny-bert")
    spec = {"model_type": kind, "base_model_name": base, "max_steps": 2} | KINDS[kind][0]
    return {"model": {"name": "large", "spec": spec}, "data": {}, "epochs": 1, "batch_size": 8}


#: Rows of a small file: so many that the intervals of their figures take what those of more rows do.
SMALL = 12_000
#: Rows of a group of pictures, and of a small file of them, whose pictures are as large as those of the large one.
PICTURES_GROUP, FEW_PICTURES = 100, 150
#: Rows of a small file of texts that are as long as those of the large one: what it takes to read a few of those at a
#: time is not of how many there are.
FEW_TEXTS = 300


def write_small(path: Path, kind: str, words: int) -> None:
    """The file that a training takes first, beside one whose rows have so many ``words``."""
    if kind == "image_classification":
        written(path, kind, 0, words, FEW_PICTURES)
    else:
        written(path, kind, 0, words, SMALL, FEW_TEXTS)


def written(path: Path, kind: str, size: int, words: int, least: int = 0, long: int | None = None) -> tuple[int, int]:
    """A Parquet file of a kind's rows, of about ``size`` bytes and of ``least`` rows at least, of which all, or the
    first ``long`` alone, have a text.

    A row has a text of so many of :data:`WORDS`, or a picture of about as many bytes as that text. Texts are in one
    group of rows, as most writers make them. Pictures are in groups of a hundred, as the library ``datasets`` writes
    them: whoever reads a group holds a page of up to 1,024 rows. Gives the file's bytes and its rows.
    """
    rng, rows, total = random.Random(0), [], 0
    while total < size or len(rows) < least:
        text = " ".join(rng.choices(WORDS, k=words if long is None or len(rows) < long else 0))
        rows.append(KINDS[kind][1](len(rows), text))
        total += len(rows[-1]["image"]) if kind == "image_classification" else len(text) + 12
    table = pa.Table.from_pylist(rows)
    group = PICTURES_GROUP if kind == "image_classification" else len(rows)
    parquet.write_table(table, path, row_group_size=group, compression="none", use_dictionary=False)
    return path.stat().st_size, len(rows)


CHILD = """
import json, sys, time
from pathlib import Path
from runner import registry
from runner.contract import LoadContext, TrainContext
from runner.spec.checking import load_object
from runner.training.peak_memory import peak_memory

def quiet(*_, **__): pass

class Unsaved:
    def save(self, step, tensors, state): pass
    def latest(self): return None
    def stage(self, name): return self

def train(document, folder):
    spec = load_object(document).spec
    began = time.process_time()
    data = spec.data.load(LoadContext(spec.model.spec, folder, quiet))
    spec.data.need_learnable(data)
    read = time.process_time() - began
    artifact = folder / "artifact"
    artifact.mkdir(parents=True)
    context = TrainContext(
        data, spec.epochs, spec.rows, 1, "cpu", 1, quiet, Unsaved(), lambda: False, artifact, None, folder
    )
    registry.load(spec.model.spec.model_type).train(spec.model.spec, context)
    return read, len(data.train) + len(data.validation)

document, small, large, folder = json.loads(sys.argv[1])
train(document | {"data": document["data"] | {"dataset": small}}, Path(folder, "small"))
before = peak_memory()
read, rows = train(document | {"data": document["data"] | {"dataset": large}}, Path(folder, "large"))
grown = peak_memory() - before
print(json.dumps({"cpu": time.process_time(), "grown": grown, "rows": rows, "read": read, "before": before}))
"""


def grown(document: dict[str, Any], small: Path, large: Path, folder: Path) -> dict[str, Any]:
    """Train what a document says on both files, one after the other, in a process of its own.

    ``grown``: bytes that its peak is higher by after the large one; ``rows`` that were read of that; ``read``: the
    processor's seconds that this took.
    """
    asked = json.dumps([document, str(small), str(large), str(folder)])
    # Each thread has a heap of its own, which keeps what it freed: how many threads happen to meet is not of the rows.
    # Nor is whether a large block finds room among what was freed before: such are asked of the system, and given back,
    # those of Arrow too, whose own allocator keeps 25 MiB of them or does not.
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "1",
        "MALLOC_MMAP_THRESHOLD_": "131072",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "CUDA_VISIBLE_DEVICES": "",
    }
    done = subprocess.run([sys.executable, "-c", CHILD, asked], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
