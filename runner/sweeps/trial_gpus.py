"""Which GPUs the trials of a sweep have that train at the same time: never two trials the same one."""

from __future__ import annotations

from runner.errors import EnvironmentProblem
from runner.execution.gpu_devices import Dealer, usable_gpus
from runner.spec.envelope import ENGINES
from runner.sweeps.sweep_checking import CheckedSweep


def dealer(checked: CheckedSweep, executor: str | None) -> Dealer | None:
    """What deals this machine's GPUs to the trials, or None where nothing is dealt: trials one after another, without
    GPUs, and on engines, which have their own way.

    Where the base spec says nothing of GPUs they are dealt if there are enough, and are shared if not, as by trainings
    begun by hand. Raises :class:`EnvironmentProblem` where it asks for more than there are for all at once.
    """
    parallel, section = checked.loaded.sweep.parallel, checked.loaded.base.spec.run
    if parallel == 1 or section.gpus == 0 or (executor or section.executor) in ENGINES:
        return None
    here = usable_gpus()
    each = section.gpus if isinstance(section.gpus, int) else section.processes
    if parallel * each <= len(here):
        return Dealer(here, each)
    if section.gpus is None:
        return None
    most = len(here) // each
    raise EnvironmentProblem(
        f"{parallel} trials at a time of {each} GPU{'s' if each > 1 else ''} each take {parallel * each}, "
        f"and this machine has {len(here)} for them",
        where="/sweep/parallel",
        hint=f'"parallel": {most}' if most else 'set "gpus": 0 in the base to train on the CPU (`runner doctor` shows)',
    )
