"""What the machines of a Slurm cluster have, next to what a job asks of one."""

from __future__ import annotations

import math
import re

from runner.engines.engine import Order
from runner.errors import EnvironmentProblem


def listing(queue: str | None) -> list[str]:
    """The command that lists a partition's machines, whatever state they are in: ``NAME|CPUS|MEGABYTES|GRES``."""
    chosen = [f"--partition={queue}"] if queue else []
    return ["sinfo", "--Node", "--noheader", "--format=%N|%c|%m|%G", *chosen]


def gpus_of(gres: str) -> int:
    """How many GPUs a machine has by its list of generic resources: ``gpu:a100:4(S:0-1),shard:8`` has 4."""
    return sum(int(count) for count in re.findall(r"(?:^|,)gpu(?::[^:,()]+)?:(\d+)", gres))


def refuse_what_none_has(order: Order, listed: str) -> None:
    """Raise :class:`EnvironmentProblem` for what no machine of the list has, or too few machines.

    Nothing is said where the list is empty, nor of machines that are only down: a job waits for those.
    """
    machines = {}
    for line in listed.splitlines():
        name, cpus, memory, gres = ([*line.strip().split("|", 3), "", "", ""])[:4]
        numbers = [re.match(r"\d+", cpus), re.match(r"\d+", memory)]
        if all(numbers):
            machines[name] = (*(int(each[0]) for each in numbers if each), gpus_of(gres))
    if not machines:
        return
    where = f"in {order.queue}" if order.queue else "in the cluster"
    wanted = (
        ("/run/cpus", "CPUs", math.ceil(order.cpus or 0)),
        ("/run/memory", "MB of memory", math.ceil((order.memory or 0) / 2**20)),
        ("/run/gpus", "GPUs", order.gpus),
    )
    hint = "ask for less, or for another queue: `sinfo --Node --long` lists what there is"
    for index, (pointer, noun, count) in enumerate(wanted):
        most = max(machine[index] for machine in machines.values())
        if count > most:
            raise EnvironmentProblem(
                f"the run asks for {count} {noun} on a machine, and those {where} have at most {most}",
                where=pointer,
                hint=hint,
            )
    if order.nodes > len(machines):
        raise EnvironmentProblem(
            f"the run asks for {order.nodes} machines, and there are {len(machines)} {where}",
            where="/run/engine/nodes",
            hint=hint,
        )
    fit = sum(all(has >= asked for has, (_, _, asked) in zip(each, wanted, strict=True)) for each in machines.values())
    if order.nodes > fit:
        raise EnvironmentProblem(
            f"{fit} machines {where} have all of what the run asks for, and it takes {order.nodes}",
            where="/run",
            hint=hint,
        )
