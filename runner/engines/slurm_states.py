"""What Slurm says of a job, in plain words: its states and the reasons for which it waits or ended.

The names are of squeue's manual, "JOB STATE CODES" and "JOB REASON CODES": https://slurm.schedmd.com/squeue.html
"""

from __future__ import annotations

import re

from runner.engines.engine import EngineState, EngineStatus
from runner.errors import ExitCode

#: States of a job that waits for machines, or for being ready again.
_WAITING = {
    "PENDING": "",
    "CONFIGURING": "its machines are being started",
    "REQUEUED": "it was put back into the queue",
    "REQUEUE_HOLD": "it was put back into the queue and is held: `scontrol release` lets it go on",
    "REQUEUE_FED": "it was put back into the queue",
    "RESV_DEL_HOLD": "its reservation was deleted, and it is held: `scontrol release` lets it go on",
    "SPECIAL_EXIT": "it is held after a special exit code: `scontrol release` lets it go on",
}
#: States of a job that has machines.
_THERE = {
    "RUNNING": None,
    "COMPLETING": "it is ending",
    "SIGNALING": None,
    "RESIZING": None,
    "STAGE_OUT": "its files are being copied",
    "SUSPENDED": "suspended: others use its machines now",
    "STOPPED": "stopped, and it keeps its machines",
}
#: States of a job that is over, with the words for it and whether that was the cluster's doing.
_OVER = {
    "COMPLETED": (None, False),
    "FAILED": (None, False),
    "CANCELLED": ("cancelled", False),
    "DEADLINE": ("its deadline passed", False),
    "OUT_OF_MEMORY": ("out of memory: ask for more by run.memory", False),
    "TIMEOUT": ("it came to its time limit", True),
    "NODE_FAIL": ("its machine was lost", True),
    "BOOT_FAIL": ("its machine did not start", True),
    "PREEMPTED": ("preempted: a job with a higher priority took its machines", True),
    "REVOKED": ("taken over by another cluster", True),
}
#: Why a job waits, by the beginning of the reason: the first that fits.
_REASONS = (
    ("PartitionTimeLimit", "it asks for more time than its partition gives"),
    ("PartitionNodeLimit", "it asks for more machines than its partition gives"),
    ("PartitionConfig", "it asks for more than its partition gives"),
    ("PartitionDown", "its partition is down"),
    ("PartitionInactive", "its partition starts no jobs now"),
    ("Priority", "jobs of a higher priority are before it"),
    ("Resources", "it waits for free machines"),
    ("ReqNodeNotAvail", "machines that it needs are not available: down, drained or reserved"),
    ("Nodes_required_for_job_are_DOWN", "machines that it needs are down, drained or reserved"),
    ("NodeDown", "a machine that it needs is down"),
    ("BadConstraints", "no machine is as it asks"),
    ("DependencyNeverSatisfied", "what it depends on can no longer happen"),
    ("Dependency", "another job has to end first"),
    ("BeginTime", "the time to begin has not come"),
    ("JobHeldUser", "held by its user: `scontrol release` lets it go on"),
    ("JobHeldAdmin", "held by an administrator"),
    ("launch_failed_requeued_held", "it could not be launched and is held: `scontrol release` lets it go on"),
    ("JobLaunchFailure", "it could not be launched: its output's folder is missing, or its machine is at fault"),
    ("Licenses", "it waits for a license"),
    ("ReservationDeleted", "its reservation was deleted"),
    ("Reservation", "its reservation has not begun"),
    ("InvalidAccount", "its account is unknown"),
    ("InvalidQOS", "its QOS is unknown"),
    ("QOS", "a limit of its QOS is reached"),
    ("Assoc", "a limit of its account is reached"),
    ("MaxCpuPerAccount", "a limit of its account is reached"),
    ("Prolog", "its machines are being prepared"),
    ("Cleaning", "its earlier start is being cleaned up"),
)  # fmt: skip
#: Reasons that say nothing.
_SILENT = ("", "None", "(null)", "NonZeroExitCode")


def reason_in_words(reason: str) -> str:
    """``Resources`` as "it waits for free machines (Resources)"; one that is not known here as it is."""
    if reason in _SILENT:
        return ""
    words = next((text for name, text in _REASONS if reason.startswith(name)), "")
    return f"{words} ({reason})" if words else reason


def from_scontrol(line: str) -> EngineStatus:
    """What one line of ``scontrol --oneliner show job`` says.

    The first ``NAME=VALUE`` of a name is taken: what a user may write, such as a comment, comes later in the line.
    """
    fields: dict[str, str] = {}
    for name, value in re.findall(r"(?:^|\s)([A-Za-z/:]+)=(\S*)", line):
        fields.setdefault(name, value)
    again = fields.get("Restarts", "0")
    return _status(fields.get("JobState", ""), fields.get("Reason", ""), fields.get("ExitCode", ""), again)


def from_sacct(line: str) -> EngineStatus:
    """What one line of ``sacct --parsable2 --format=State,ExitCode,Reason`` says."""
    state, code, reason = [*line.strip().split("|"), "", ""][:3]
    # "CANCELLED by 1000", and "CANCELLED+" where it was cut off.
    return _status(state.split(" ")[0].rstrip("+"), reason, code, "0")


def _status(state: str, reason: str, code: str, restarts: str) -> EngineStatus:
    if state in _WAITING:
        again = "" if restarts in ("", "0") else f"start {int(restarts) + 1}"
        told = [_WAITING[state], again, reason_in_words(reason)]
        return EngineStatus(EngineState.PENDING, ", ".join(filter(None, told)) or None)
    if state in _THERE:
        return EngineStatus(EngineState.RUNNING, _THERE[state])
    if state not in _OVER:
        return EngineStatus(EngineState.UNKNOWN, state or None)
    words, interrupted = _OVER[state]
    exit_code = _exit_code(code)
    if state == "FAILED":
        # The entry command was told to stop and saved: before the time limit, or for a job of a higher priority.
        interrupted = exit_code == ExitCode.STOPPED
        words = reason_in_words(reason) or None
        if interrupted:
            words = "it was asked to stop, and saved"
        elif exit_code is not None and exit_code > 128:
            words = f"killed by signal {exit_code - 128}"
    return EngineStatus(EngineState.ENDED, words, exit_code, interrupted)


def _exit_code(pair: str) -> int | None:
    """Slurm's ``CODE:SIGNAL`` as a shell says it: 128 and the signal of what a signal ended."""
    found = re.fullmatch(r"(\d+):(\d+)", pair)
    if found is None:
        return None
    code, signal = int(found[1]), int(found[2])
    return 128 + signal if signal else code
