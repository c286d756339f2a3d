"""The engines that there are, by the name that ``run.executor`` has, and opening one of them."""

from __future__ import annotations

from importlib import import_module

from runner.engines.engine import Engine

#: name -> module:class. A module is imported when its engine is asked for.
ENGINES = {
    "slurm": "runner.engines.slurm:SlurmEngine",
    "ray": "runner.engines.ray_jobs:RayEngine",
    "kubernetes": "runner.engines.kubernetes:KubernetesEngine",
}


def open_engine(name: str) -> Engine:
    """The engine of that name."""
    module, _, attribute = ENGINES[name].partition(":")
    engine: Engine = getattr(import_module(module), attribute)()
    return engine
