"""What the fork server imports, so that its copies have it: the command line, and the libraries that take long."""

from __future__ import annotations

import gc
import importlib

from runner import registry
from runner.cli.app import GROUPS, VERBS
from runner.spec.checking import load_file
from tests.conftest import ROOT

LIBRARIES = (
    "numba",
    "pandas",
    "peft",
    "pyarrow.compute",
    "pytest",
    "safetensors.torch",
    "scipy.optimize",
    "torch._dynamo",
    "torch.optim",
    "transformers.generation.utils",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.tokenization_auto",
    "transformers.models.llama.modeling_llama",
    "transformers.quantizers.auto",
    "xgboost",
)
MODULES = (
    "execution.local_executor",
    "execution.supervisor",
    "execution.train_and_resume",
    "execution.worker",
    "inference.opening",
    "tracking.terminal",
    "training.encoder",
)

for path, _ in (*VERBS.values(), *(verb for _, verbs in GROUPS.values() for verb in verbs.values())):
    importlib.import_module(path.partition(":")[0])
for name in (*LIBRARIES, *(f"runner.{module}" for module in MODULES)):
    importlib.import_module(name)
for kind in registry.kinds():
    importlib.import_module(f"{registry.kinds()[kind].module}.training")
    importlib.import_module(f"{registry.kinds()[kind].module}.predictor")
    load_file(ROOT / "specs" / f"{kind}.json")
# A copy shares these pages until it writes to them.
gc.collect()
gc.freeze()
