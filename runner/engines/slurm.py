"""Slurm: runs as batch jobs of a cluster, by its own programs: sbatch, squeue, scontrol, sacct, scancel.

The script of a job is in :mod:`runner.engines.slurm_script`; it goes to sbatch by standard input. Secrets travel in the
environment of the submission, by name, and are in no script and no command line.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from runner.engines import slurm_machines, slurm_options, slurm_script, slurm_states
from runner.engines.engine import EngineState, EngineStatus, Order
from runner.errors import EnvironmentProblem, Fault, SpecError

#: Seconds that a program of Slurm may take. Its own timeouts are shorter; a controller that is down is asked again.
PATIENCE = 90.0
#: What the end of a job's output may have, bytes.
MOST_WORDS = 64 * 2**10
#: Programs without which nothing works.
_PROGRAMS = ("sbatch", "squeue", "scontrol", "scancel")
#: The longest time before the end at which Slurm sends a signal, seconds (sbatch, ``--signal``).
_LONGEST_GRACE = 65535
#: What the user may have set for all jobs, and a script that does not say it itself goes by.
_OWN_DEFAULTS = {
    "SBATCH_ACCOUNT": "account",
    "SBATCH_PARTITION": "partition",
    "SBATCH_QOS": "qos",
    "SBATCH_CONSTRAINT": "constraint",
    "SBATCH_RESERVATION": "reservation",
}
#: Variables of Slurm that say which cluster is spoken to, and not what the job that we may be in is.
_OF_THE_CLUSTER = ("SLURM_CONF", "SLURM_JWT", "SLURM_DEBUG_FLAGS")
#: What a refused submission complains of, and the field of the spec that asked for it.
_REFUSALS = (
    ("partition", "/run/engine/queue"),
    ("time limit is invalid", "/run/engine/lifetime"),
    ("account", f"{slurm_options.POINTER}/account"),
    ("qos", f"{slurm_options.POINTER}/qos"),
    ("feature", f"{slurm_options.POINTER}/constraint"),
    ("reservation", f"{slurm_options.POINTER}/reservation"),
    ("node name", f"{slurm_options.POINTER}/nodelist"),
    ("generic resource", f"{slurm_options.POINTER}/gres"),
    ("license", f"{slurm_options.POINTER}/licenses"),
    ("dependency", f"{slurm_options.POINTER}/dependency"),
)
_UNFIT = "node configuration is not available"
#: "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)".
_POLICY = "violates accounting"
#: A controller that does not answer, or that is not found out about; a program that is not there.
_SILENCE = (
    "contact|timed out|did not end|onnection|transmitted|uthentication|No such file|configuration source|fetch config"
)
_NO_SUCH_JOB = "Invalid job id"


class SlurmEngine:
    """An :class:`~runner.engines.engine.Engine` of a Slurm cluster that this machine may submit to."""

    name = "slurm"

    def __init__(self) -> None:
        #: Where the output of jobs goes that were submitted from here: Slurm forgets it minutes after a job's end.
        self._outputs: dict[str, Path] = {}

    def check(self, order: Order) -> None:
        """Raise :class:`SpecError` for what the order cannot have, by its pointer, and :class:`EnvironmentProblem` for
        programs that are missing, a cluster that does not answer, and what no machine of it has."""
        script = self.text(order)
        for program in _PROGRAMS:
            if shutil.which(program) is None:
                raise EnvironmentProblem(
                    f"there is no program {program} here",
                    where="/run/executor",
                    hint="submit from a machine of the Slurm cluster, or install Slurm's client programs "
                    "(Debian: apt-get install slurm-client) with the cluster's slurm.conf",
                )
        tried = _ask(["sbatch", "--test-only"], script=script)
        if tried.returncode != 0:
            _refuse(tried.stderr, order)
            # Machines that are down for now, and limits that pass, are waited for in the queue. Another refusal would
            # be the submission's too, and by then there would be a run.
            if _UNFIT not in tried.stderr and _POLICY not in tried.stderr:
                raise _refused(tried.stderr)

    def text(self, order: Order) -> str:
        """The batch script. It is whole: `sbatch SCRIPT` submits it by hand, with secrets exported before.

        Raises :class:`SpecError` for what the order cannot have.
        """
        if faults := unfit(order):
            raise SpecError(faults)
        return slurm_script.script(order)

    def submit(self, order: Order) -> str:
        """Submit, and return the job's number. A job of the same name and user that waits or runs is returned instead.

        Raises :class:`EnvironmentProblem` where it cannot be submitted: retryable while the controller does not answer.
        Secrets are variables of this process; one that is not set is such a problem too.
        """
        if missing := [name for name in order.secret_names if name not in os.environ]:
            raise EnvironmentProblem(
                f"the job needs {', '.join(missing)}, which is not set here", where="/run/env", hint="export it"
            )
        there = _ask(
            ["squeue", "--me", f"--name={order.name}", "--noheader", "--format=%A",
             "--states=PENDING,CONFIGURING,RUNNING,SUSPENDED"]
        )  # fmt: skip
        if there.returncode != 0:
            raise _silent(there.stderr)
        # Between this look and the submission another may submit the same: by `singleton` in the script that waits.
        if jobs := there.stdout.split():
            job = jobs[0]
        else:
            if order.folder:
                Path(order.folder).mkdir(parents=True, exist_ok=True)
            done = _ask(["sbatch", "--parsable"], script=self.text(order))
            # "123", or "123;cluster".
            found = re.match(r"(\d+)(;|\s|$)", done.stdout)
            if done.returncode != 0 or found is None:
                _refuse(done.stderr, order)
                raise _refused(done.stderr)
            job = found[1]
        self._outputs[job] = Path(order.folder or "", f"slurm-{job}.out" if order.folder else f"{order.name}-{job}.out")
        return job

    def status(self, job: str) -> EngineStatus:
        """What Slurm says of a job: its controller, and once that has forgotten it the accounting, if there is one."""
        shown = _ask(["scontrol", "--oneliner", "show", "job", job])
        if shown.returncode == 0 and shown.stdout.strip():
            return slurm_states.from_scontrol(shown.stdout.splitlines()[0])
        if _NO_SUCH_JOB not in shown.stderr:
            return EngineStatus(EngineState.UNREACHABLE, _last_line(shown.stderr))
        counted = _ask(
            ["sacct", f"--jobs={job}", "--allocations", "--noheader", "--parsable2", "--format=State,ExitCode,Reason"]
        )
        # Where there is no accounting, it fails and says so.
        lines = counted.stdout.splitlines() if counted.returncode == 0 else []
        return slurm_states.from_sacct(lines[-1]) if lines else EngineStatus(EngineState.UNKNOWN)

    def words(self, job: str) -> str:
        """The end of the job's output; empty where it has none yet, or where it is not known any more."""
        path = self._outputs.get(job)
        if path is None:
            shown = _ask(["scontrol", "--oneliner", "show", "job", job])
            found = re.search(r" StdOut=(.*?) Power=", shown.stdout) or re.search(r" StdOut=(\S+)", shown.stdout)
            if found is None:
                return ""
            path = Path(found[1])
        try:
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - MOST_WORDS))
                return file.read().decode(errors="replace")
        except OSError:
            return ""

    def cancel(self, job: str) -> None:
        """Take a waiting job out of the queue; ask a running one to stop.

        Not by a plain ``scancel``: that gives the cluster's KillWait, 30 seconds by default. The script kills what is
        still there after the grace. Raises :class:`EnvironmentProblem` while the controller does not answer.
        """
        for words in (["--state=PENDING"], ["--batch", "--signal=TERM"]):
            done = _ask(["scancel", *words, job])
            # One that has ended, or is at its beginning, has no script to ask; the run's own marker stops that.
            if done.returncode != 0 and _is_silence(done.stderr):
                raise _silent(done.stderr)


def writes_into(folder: str) -> bool:
    """Whether sbatch takes a folder for output: it ends a line at a blank, and replaces what follows a ``%``."""
    return re.fullmatch(r"[^\s'\"#%\\]+", folder) is not None


def unfit(order: Order) -> list[Fault]:
    """What Slurm cannot be told of an order, whatever the cluster."""
    found = slurm_options.faults(order.options)
    container, gpus = order.options.get("container"), order.options.get("gres", "")
    if math.ceil(order.stop_grace) > _LONGEST_GRACE:
        found.append(Fault(f"Slurm takes at most {_LONGEST_GRACE} seconds", "/run/engine/stop_grace"))
    elif order.time_limit is not None and order.time_limit <= order.stop_grace:
        found.append(
            Fault("the job would be asked to stop when it begins: more than stop_grace", "/run/engine/lifetime")
        )
    if order.queue is not None and not re.fullmatch(r"[A-Za-z0-9_.,@+-]+", order.queue):
        found.append(Fault("is no name of a partition", "/run/engine/queue"))
    if order.folder is not None and not writes_into(order.folder):
        found.append(Fault("sbatch takes no folder with blanks, quotes, #, % or \\", "/run/engine/root"))
    if order.image is not None and container is None:
        hint = f"{slurm_options.POINTER}/container: pyxis or apptainer, whichever there is; or leave the image out"
        found.append(Fault("it is not said how the cluster runs an image", "/run/image", hint=hint))
    if order.image is None and container is not None:
        found.append(Fault("there is no image for it: name one in run.image", f"{slurm_options.POINTER}/container"))
    if "mounts" in order.options and container is None:
        found.append(Fault("nothing is mounted without a container", f"{slurm_options.POINTER}/mounts"))
    if "gpu-type" in order.options and not order.gpus:
        found.append(Fault("the run asks for no GPUs: run.gpus says how many", f"{slurm_options.POINTER}/gpu-type"))
    if isinstance(gpus, str) and "gpu" in gpus.lower():
        where = f"{slurm_options.POINTER}/gres"
        found.append(Fault("run.gpus says how many GPUs, and gpu-type of which type", where))
    return found


def _ask(words: Sequence[str], *, script: str = "") -> subprocess.CompletedProcess[str]:
    """One program of Slurm, with a script to its standard input. Never raises: one that is not there or does not end is
    one that failed."""
    try:
        return subprocess.run(
            words,
            input=script,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            env=_environment(script),
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(words, 1, "", f"{words[0]} did not end within {PATIENCE:.0f} s")
    except OSError as error:
        return subprocess.CompletedProcess(words, 1, "", f"{words[0]}: {error.strerror}")


def _environment(script: str) -> dict[str, str]:
    """Ours without what would override the script: variables of sbatch come before its lines, and those of a job that
    we may be in ourselves are handed on to the next."""
    stated = set(re.findall(r"(?m)^#SBATCH --([a-z-]+)", script))
    kept = {}
    for name, value in os.environ.items():
        if name.startswith("SBATCH_") and (name not in _OWN_DEFAULTS or _OWN_DEFAULTS[name] in stated):
            continue
        if name.startswith(("SLURM_", "SQUEUE_", "SACCT_", "SCANCEL_")) and name not in _OF_THE_CLUSTER:
            continue
        kept[name] = value
    return kept


def _is_silence(stderr: str) -> bool:
    """Whether the controller did not answer, or the program is not there."""
    return bool(re.search(_SILENCE, stderr))


def _silent(stderr: str) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"Slurm does not answer: {_last_line(stderr)}",
        where="/run/executor",
        hint="look with `scontrol ping`",
        retryable=True,
    )


def _refuse(stderr: str, order: Order) -> None:
    """Raise what a refused submission means. Machines that are down for now are no refusal: the job would wait."""
    said = _last_line(stderr)
    if _is_silence(stderr):
        raise _silent(stderr)
    if _UNFIT in stderr:
        slurm_machines.refuse_what_none_has(order, _ask(slurm_machines.listing(order.queue)).stdout)
        return
    for word, pointer in _REFUSALS:
        if word in said.lower() and _POLICY not in stderr:
            raise SpecError([Fault(f"Slurm refuses it: {said}", pointer)])


def _refused(stderr: str) -> EnvironmentProblem:
    """What Slurm says against a job, for the user to read. A limit on submitted jobs passes."""
    return EnvironmentProblem(
        f"Slurm takes no such job: {_last_line(stderr)}",
        where="/run/engine",
        hint="the cluster's administrators know its limits",
        retryable=_POLICY in stderr,
    )


def _last_line(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return re.sub(r"^(?:\w+: )?(?:error: )?", "", lines[-1]) if lines else "it says nothing"
