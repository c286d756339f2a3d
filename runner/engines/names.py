"""The engines that there are, by the name that ``run.executor`` has, and opening one of them."""

from __future__ import annotations

from importlib import import_module

from runner.engines.engine import Engine
from runner.errors import EnvironmentProblem

#: name -> module:class. A module is imported when its engine is asked for.
ENGINES = {
    "slurm": "runner.engines.slurm:SlurmEngine",
    "ray": "runner.engines.ray_jobs:RayEngine",
    "kubernetes": "runner.engines.kubernetes:KubernetesEngine",
}


def open_engine(name: str) -> Engine:
    """The engine of that name. Raises :class:`EnvironmentProblem` where a package that it takes is not installed."""
    module, _, attribute = ENGINES[name].partition(":")
    try:
        engine: Engine = getattr(import_module(module), attribute)()
    except ImportError as error:
        raise EnvironmentProblem(
            f"{name} takes a package that is not installed here: {error.name or error}", where="/run/executor"
        ) from error
    return engine
