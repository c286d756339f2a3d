"""A Slurm cluster of two machines on this one: Debian's own daemons in a folder, for as long as a test module takes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.holding import wait

#: The cluster's machines. Each says that it has four CPUs, 4000 MB and two GPUs, whatever this one has.
MACHINES = ("n1", "n2")
#: A variable that a machine's daemon hands on to what it starts for jobs.
_MARK = "RUNNER_TEST_MACHINE"

_CONFIGURATION = """\
ClusterName=tests
SlurmctldHost=localhost
SlurmctldPort={controller}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=100
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SchedulerParameters=sched_interval=1,batch_sched_delay=0
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=2
SlurmdTimeout=300
MinJobAge=300
JobRequeue=0
GresTypes=gpu
NodeName=n1 NodeHostname=localhost NodeAddr=127.0.0.1 Port={first} CPUs=4 RealMemory=4000 Gres=gpu:2
NodeName=n2 NodeHostname=localhost NodeAddr=127.0.0.1 Port={second} CPUs=4 RealMemory=4000 Gres=gpu:2
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE PriorityTier=1 GraceTime=30 State=UP
PartitionName=urgent Nodes=n1,n2 MaxTime=INFINITE PriorityTier=9 PreemptMode=OFF State=UP
PartitionName=brief Nodes=n1,n2 MaxTime=1:00 PriorityTier=1 State=UP
"""


@dataclass
class Cluster:
    """A cluster that answers, by the environment that its programs take."""

    folder: Path
    daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def ask(self, *words: str) -> str:
        """What a program of Slurm says; it has to succeed."""
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def start(self, name: str, *words: str) -> None:
        """Start one of the daemons in the foreground of a session of its own."""
        with (self.folder / f"{name}.out").open("ab") as out:
            variables = os.environ | {_MARK: f"{self.folder}/{name}"}
            # Tests that are killed leave none of them.
            bound = ["setpriv", "--pdeathsig=TERM"] if shutil.which("setpriv") else []
            self.daemons[name] = subprocess.Popen(
                [*bound, *words], stdout=out, stderr=out, start_new_session=True, env=variables
            )

    def start_machine(self, name: str) -> None:
        """Start one of the machines, and wait until it takes jobs."""
        self.start(name, "slurmd", "-D", "-N", name)
        # A machine that was lost comes back by itself; one that was set down is asked to.
        wait(lambda: self._answers(name), self.daemons[name])

    def lose_machine(self, name: str) -> None:
        """End a machine with everything that runs on it, by SIGKILL, and tell the controller."""
        self.daemons.pop(name).kill()
        for step in _processes_in(str(self.folder), name):
            os.kill(step, signal.SIGKILL)
        self.ask("scontrol", "update", f"nodename={name}", "state=down", "reason=lost")

    def _answers(self, name: str) -> bool:
        done = subprocess.run(
            ["sinfo", "--noheader", f"--nodes={name}", "--partition=main", "--format=%T"],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        state = done.stdout.strip()
        if state.startswith("down"):
            subprocess.run(["scontrol", "update", f"nodename={name}", "state=resume"], capture_output=True, timeout=60)
        return state in ("idle", "mixed", "allocated")

    def end(self) -> None:
        """End all of it: jobs, machines, the controller."""
        subprocess.run(["scancel", "--full", "--signal=KILL", "--user=root"], capture_output=True, timeout=60)
        for process in self.daemons.values():
            process.terminate()
        for process in self.daemons.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        for left in [pid for name in MACHINES for pid in _processes_in(str(self.folder), name)]:
            os.kill(left, signal.SIGKILL)


def missing() -> str | None:
    """Why no cluster can be started here; None where it can."""
    for program in ("munged", "slurmctld", "slurmd", "sbatch"):
        if shutil.which(program) is None:
            return f"no {program}: apt-get install slurm-wlm munge"
    return None if os.geteuid() == 0 else "Slurm's daemons are started as root"


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster for as long as the block lasts; ``SLURM_CONF`` of this process names it. Skips where it cannot be; with
    RUNNER_REQUIRE_SLURM that is a failure."""
    if why := missing():
        (pytest.fail if os.environ.get("RUNNER_REQUIRE_SLURM") else pytest.skip)(why)
    ports = _free_ports(3)
    (folder / "state").mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    for number in range(2):
        (folder / f"gpu{number}").touch()
    (folder / "gres.conf").write_text(f"Name=gpu File={folder}/gpu[0-1]\n")
    configuration = folder / "slurm.conf"
    configuration.write_text(_CONFIGURATION.format(folder=folder, controller=ports[0], first=ports[1], second=ports[2]))
    found = Cluster(folder)
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("SLURM_CONF", str(configuration))
        stack.callback(found.end)
        munge = [f"--{name}={folder}/munge.{name.partition('-')[0]}" for name in ("key-file", "log-file", "pid-file")]
        munge += [f"--socket={folder}/munge.socket", f"--seed-file={folder}/munge.seed"]
        # A folder of tests may be everyone's to write into, which munged would refuse.
        found.start("munged", "munged", "--force", "--foreground", *munge)
        wait((folder / "munge.socket").exists, found.daemons["munged"])
        found.start("slurmctld", "slurmctld", "-D")
        for name in MACHINES:
            found.start_machine(name)
        yield found


def _processes_in(folder: str, machine: str) -> list[int]:
    """Processes of jobs and steps on a machine of the cluster: they carry its name, and know its configuration."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words, variables = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
        except OSError:
            continue
        job = f"SLURMD_NODENAME={machine}\0".encode() in variables and f"{folder}/slurm.conf".encode() in variables
        if job or (words.startswith(b"slurmstepd") and f"{_MARK}={folder}/{machine}\0".encode() in variables):
            found.append(int(entry.name))
    return found


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
