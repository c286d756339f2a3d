"""What the fork server imports, so that its copies have it: all of Runner, and the libraries that take long."""

from __future__ import annotations

import contextlib
import gc
import importlib
import pkgutil

import runner
from runner import registry
from runner.errors import SpecError
from runner.spec.checking import load_file, load_object
from tests import large_pages
from tests.conftest import ROOT

LIBRARIES = (
    "jsonschema",
    "numba",
    "pandas",
    "peft",
    "platformdirs",
    "pyarrow.compute",
    "pytest",
    "safetensors.torch",
    "scipy.optimize",
    "tenacity",
    "torch._dynamo",
    "torch.distributed.elastic.multiprocessing",
    "torch.optim",
    "transformers.generation.utils",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.tokenization_auto",
    "transformers.models.llama.modeling_llama",
    "transformers.quantizers.auto",
    "xgboost",
)
#: Specs of these are wrong in many tests. To say what is wrong takes the kind's schema, which is made once.
OFTEN_WRONG = ("dense_network", "elo_scoring", "sft")

for name in LIBRARIES:
    importlib.import_module(name)
for module in pkgutil.walk_packages(runner.__path__, "runner."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
for kind in registry.kinds():
    load_file(ROOT / "specs" / f"{kind}.json")
for kind in OFTEN_WRONG:
    with contextlib.suppress(SpecError):
        load_object(
            {"model": {"name": "m", "spec": {"model_type": kind, "no_field": 1}}, "data": {"dataset": "sample"}}
        )
# A copy shares these pages until it writes to them.
gc.collect()
gc.freeze()
large_pages.gather()
