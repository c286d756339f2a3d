"""By how much a process grows that trains on a large file, beside one that has trained on a small one of its kind.

It is the peak of the child's resident memory: what the program takes by itself, its libraries and its model, is in
what the small training took, so that the rest is what the large file's rows take.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

CHILD = """
import json, resource, sys, time
from pathlib import Path
from runner import registry
from runner.contract import LoadContext, TrainContext
from runner.spec.checking import load_object

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

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

document, small, large, folder = json.loads(sys.argv[1])
train(document | {"data": document["data"] | {"dataset": small}}, Path(folder, "small"))
before = peak()
read, rows = train(document | {"data": document["data"] | {"dataset": large}}, Path(folder, "large"))
print(json.dumps({"cpu": time.process_time(), "grown": peak() - before, "rows": rows, "read": read, "before": before}))
"""


def grown(document: dict[str, Any], small: Path, large: Path, folder: Path) -> dict[str, Any]:
    """Train what a document says on both files, one after the other, in a process of its own.

    ``grown``: bytes that its peak is higher by after the large one; ``rows`` that were read of that; ``read``: the
    processor's seconds that this took.
    """
    asked = json.dumps([document, str(small), str(large), str(folder)])
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([sys.executable, "-c", CHILD, asked], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
